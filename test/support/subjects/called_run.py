"""The calls of a run, with a log in memory and a clock that the test moves."""

from dataclasses import replace

from subjects.clock import Clock
from worlds.stores import LARGE

from services.domain.catalog import Model
from services.domain.events import RunEvent
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole
from services.providers.base import ProviderRequest
from services.runs.living.call import Call
from services.runs.living.calls import Calls
from services.runs.living.clock import RunClock, RunTimes
from services.streams.memory import MemoryRunLog

OTHER = replace(LARGE, provider="other")
QUESTION_TOKENS = 20


class CalledRun:
    """A run of the model LARGE without calls yet; `tops` notes how far its log was written.

    It is noted whenever the clock calls back, as it does when a call goes upstream.
    """

    def __init__(self) -> None:
        """Start it."""
        self.time = Clock()
        self.tops: list[int] = []
        self.writer = MemoryRunLog(900, 1 << 20).open("run", 1)
        times = RunTimes(first_token=10, content=5, run=100)
        self.clock = RunClock(times, lambda: self.tops.append(self.writer.top), self.time)
        self.calls = Calls(LARGE, self.writer, self.clock)

    def begin(self, model: Model = LARGE) -> Call:
        """Begin a call; each character that comes back counts as a token."""
        question = ContextMessage(MessageRole.USER, "Hello", QUESTION_TOKENS)
        request = ProviderRequest(
            model=model,
            messages=(question,),
            system_prompt=None,
            temperature=0.5,
            max_tokens=100,
        )
        return self.calls.begin(request, len)

    @property
    def written(self) -> list[RunEvent]:
        """Read the log."""
        batch = self.writer.reader().after(0)
        return [] if batch is None else list(batch.events)

    @property
    def booked(self) -> list[tuple[int, str, str]]:
        """Give the number of each call that has ended, its outcome and its code."""
        return [(one.number, one.outcome, one.code) for one in self.calls.booked]
