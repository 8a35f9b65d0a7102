"""`settle_turn` in SQLite: everything inside one transaction of the caller's."""

import sqlite3

from services.domain.runs import Settled, Settlement
from services.stores.base.costs import amount_text, currency_of
from services.stores.base.settlements import terminal_epoch, token_estimate
from services.stores.base.times import time_text
from services.stores.sqlite.answers import usage_text
from services.stores.sqlite.run_rows import terminal_text
from services.stores.sqlite.turns import checkpoints, ledger

_MESSAGE = """
UPDATE messages SET content = :text, status = :status, finish_reason = :finish_reason,
  provider = :provider, model = :model, usage = :usage, cost_amount = :cost_amount,
  cost_currency = :cost_currency, token_estimate = :token_estimate
WHERE id = :message_id
"""

_RUN = """
UPDATE runs SET status = :status, finish_reason = :finish_reason, provider = :provider,
  model = :model, usage = :usage, cost_amount = :cost_amount, cost_currency = :cost_currency,
  terminal = :terminal, terminal_seq = :terminal_seq, ended_at = :ended_at
WHERE id = :run_id
"""


def settle(connection: sqlite3.Connection, settlement: Settlement) -> Settled:
    """End the run, unless it has ended or belongs to another epoch.

    The epoch is checked first: an owner that was fenced learns of it even after the run has ended.
    """
    run = connection.execute("SELECT * FROM runs WHERE id = ?", (settlement.run_id,)).fetchone()
    if run is None:
        return Settled.BEFORE
    if run["epoch"] != settlement.epoch:
        return Settled.FENCED
    if run["ended_at"] is not None:
        return Settled.BEFORE
    values = _values(settlement, run)
    connection.execute(_MESSAGE, values)
    connection.execute(_RUN, values)
    ledger.book(connection, run, settlement.attempts, time_text(settlement.ended_at))
    checkpoints.delete_of(connection, run["id"])
    return Settled.NOW


def _values(settlement: Settlement, run: sqlite3.Row) -> dict[str, object]:
    """Give both rows the usage and cost that the terminal event gives: the sum of all attempts."""
    terminal = settlement.terminal
    return {
        "run_id": run["id"],
        "message_id": run["message_id"],
        "text": settlement.text,
        "token_estimate": token_estimate(settlement),
        "status": settlement.status,
        "finish_reason": settlement.finish_reason,
        "provider": settlement.provider or run["provider"],
        "model": settlement.model or run["model"],
        "usage": usage_text(terminal.usage),
        "cost_amount": amount_text(terminal.cost),
        "cost_currency": currency_of(terminal.cost),
        "terminal": terminal_text(terminal, terminal_epoch(settlement)),
        "terminal_seq": settlement.terminal_seq,
        "ended_at": time_text(settlement.ended_at),
    }
