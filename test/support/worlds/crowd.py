"""Many messages at once, each to a model of its own: so the upstream tells when each arrived."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.chat_client import Answer, ChatClient, Json

from services.domain.limits import Priority

CROWD_SECONDS = 60.0
"""Within this time all messages have arrived, even on a machine whose cores are all busy."""

TOGETHER_SECONDS = 0.5
"""Calls that go out together may arrive in another order, but at most this far apart."""

FREE = {
    "RATE_LIMIT_AI": "100000 per minute",
    "RATE_LIMIT_REGISTER": "1000 per minute",
    "MAX_ACTIVE_RUNS_PER_USER": "1000",
    "READ_TIMEOUT_SECONDS": "300",
    "FIRST_TOKEN_SECONDS": "300",
    "OPENAI_TPM": "0",
}


@dataclass
class Asked:
    """A message, its answer, and the positions in the queue with the times at which they came."""

    model: str
    text: str
    priority: Priority = Priority.INTERACTIVE
    answer: Answer = field(default_factory=Answer)
    queued: list[tuple[float, Json]] = field(default_factory=list)

    @property
    def positions(self) -> list[int]:
        """Give the positions that the reader was told while the message waited."""
        return [detail["position"] for _, detail in self.queued]

    def ask(self, client: ChatClient) -> None:
        """Send the message, and read its answer to the end."""
        session = client.new_session()
        with client.send(session, "Hello?", model=self.model, priority=self.priority) as reader:
            assert reader.status == 200, reader.body()
            for frame in reader:
                self.answer.take(frame)
                if frame.event.get("state") == "queued":
                    assert frame.id is None
                    self.queued.append((time.monotonic(), frame.event["detail"]))


def numbered(number: int) -> Asked:
    """Make a message to a model that no other number has; every third is interactive."""
    words, gap_ms = number % 20 + 1, number // 20
    priority = Priority.BACKGROUND if number % 3 else Priority.INTERACTIVE
    return Asked(f"words-{words}-{gap_ms}", " word" * words, priority)


def assert_all_have_their_answers(asked: Sequence[Asked]) -> None:
    """Compare each answer with what its model says."""
    for one in asked:
        end = one.answer.terminal
        assert end is not None
        assert end["type"] == "done", end
        assert one.answer.text == end["full_content"] == one.text, (one.model, one.answer.text, end)


def assert_never_above(limit: int, window: float, arrivals: Iterable[float]) -> None:
    """Check that no window at the upstream has more calls than the limit."""
    arrivals = sorted(arrivals)
    spans = [last - first for first, last in zip(arrivals, arrivals[limit:], strict=False)]
    assert min(spans, default=math.inf) > window


def assert_interactive_ones_went_first(waiting: Sequence[Asked], arrived: dict[str, float]) -> None:
    """Check that no interactive call arrived after a background call, but for TOGETHER_SECONDS."""
    of = {
        priority: [arrived[one.model] for one in waiting if one.priority is priority]
        for priority in Priority
    }
    assert max(of[Priority.INTERACTIVE]) < min(of[Priority.BACKGROUND]) + TOGETHER_SECONDS
