"""`settle_turn` in Supabase: what is sent."""

from services.domain.runs import Settlement
from services.stores.base.costs import amount_text, currency_of
from services.stores.base.settlements import terminal_epoch, token_estimate
from services.stores.supabase.run_rows import terminal_json
from services.stores.supabase.turns.ledger import attempt_json


def settlement_json(settlement: Settlement) -> dict[str, object]:
    """Describe how a run ends.

    Message and run get the usage and cost that the terminal event gives: the sum of all attempts.
    """
    terminal = settlement.terminal
    return {
        "run_id": settlement.run_id,
        "epoch": settlement.epoch,
        "status": settlement.status,
        "content": settlement.text,
        "token_estimate": token_estimate(settlement),
        "finish_reason": settlement.finish_reason,
        "provider": settlement.provider,
        "model": settlement.model,
        "usage": terminal.usage,
        "cost_amount": amount_text(terminal.cost),
        "cost_currency": currency_of(terminal.cost),
        "terminal": terminal_json(terminal),
        "terminal_epoch": terminal_epoch(settlement),
        "terminal_seq": settlement.terminal_seq,
        "ended_at": settlement.ended_at,
        "attempts": [attempt_json(attempt) for attempt in settlement.attempts],
    }
