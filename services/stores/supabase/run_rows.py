"""A run as the functions of the database give it, and the end of a run as it is sent."""

from collections.abc import Mapping

import msgspec

from services.domain.events import Terminal
from services.domain.runs import Run
from services.stores.base.settlements import terminal_class, terminal_type
from services.stores.supabase.answers import AnswerRow
from services.stores.supabase.times import Time, utc


class TerminalRow(msgspec.Struct):
    """A terminal event; the text of the answer is not part of it."""

    type: str
    event: msgspec.Raw

    def terminal(self) -> Terminal:
        """Give the event."""
        return msgspec.json.decode(self.event, type=terminal_class(self.type))


class RunRow(AnswerRow, kw_only=True):
    """A run."""

    id: str
    session_id: str
    user_id: str
    message_id: str
    user_message_id: str
    epoch: int
    provider: str
    model: str
    ended_at: Time | None
    terminal: TerminalRow | None
    terminal_epoch: int | None
    terminal_seq: int | None

    def run(self) -> Run:
        """Give the run."""
        return Run(
            id=self.id,
            session_id=self.session_id,
            user_id=self.user_id,
            message_id=self.message_id,
            user_message_id=self.user_message_id,
            epoch=self.epoch,
            status=self.status,
            provider=self.provider,
            model=self.model,
            created_at=utc(self.created_at),
            finish_reason=self.finish_reason,
            usage=self.usage,
            cost=self.cost(),
            ended_at=None if self.ended_at is None else utc(self.ended_at),
            terminal=None if self.terminal is None else self.terminal.terminal(),
            terminal_epoch=self.terminal_epoch,
            terminal_seq=self.terminal_seq,
        )


def terminal_json(terminal: Terminal) -> Mapping[str, object]:
    """Describe a terminal event."""
    return {"type": terminal_type(terminal), "event": terminal}
