"""`settle_turn` in Supabase: what is sent."""

from services.domain.costs import estimate_tokens
from services.domain.runs import Settlement
from services.stores.supabase.rows import amount_text, terminal_json
from services.stores.supabase.turns.ledger import attempt_json


def settlement_json(settlement: Settlement) -> dict[str, object]:
    """Describe how a run ends.

    Message and run get the usage and cost that the terminal event tells: the sum of all attempts.
    """
    terminal, tokens = settlement.terminal, settlement.token_count
    return {
        "run_id": settlement.run_id,
        "epoch": settlement.epoch,
        "status": settlement.status,
        "content": settlement.text,
        "token_estimate": estimate_tokens(settlement.text) if tokens is None else tokens,
        "finish_reason": settlement.finish_reason,
        "provider": settlement.provider,
        "model": settlement.model,
        "usage": terminal.usage,
        "cost_amount": amount_text(terminal.cost),
        "cost_currency": terminal.cost.currency if terminal.cost else None,
        "terminal": terminal_json(terminal),
        "terminal_epoch": settlement.told_epoch or settlement.epoch,
        "terminal_seq": settlement.terminal_seq,
        "ended_at": settlement.ended_at,
        "attempts": [attempt_json(attempt) for attempt in settlement.attempts],
    }
