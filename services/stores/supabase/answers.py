"""The columns that a message and its run share: how the answer ended, and what it used and cost."""

from decimal import Decimal

import msgspec

from services.domain.costs import Cost, Usage
from services.domain.sessions import FinishReason, MessageStatus
from services.stores.base.costs import cost_of
from services.stores.supabase.times import Time


class AnswerRow(msgspec.Struct, kw_only=True):
    """What a row holds of an answer."""

    status: MessageStatus
    created_at: Time
    finish_reason: FinishReason | None
    usage: Usage | None
    cost_amount: Decimal | None
    cost_currency: str | None

    def cost(self) -> Cost | None:
        """Give the cost of the answer."""
        return cost_of(self.cost_amount, self.cost_currency)
