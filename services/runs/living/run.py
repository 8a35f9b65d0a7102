"""A run while it lives: what its pump, its settler and the beat know of it."""

from enum import StrEnum

from gevent.event import Event

from services.admission.waiting.burst_queue import Place
from services.domain.errors.upstream import ProviderTimeout
from services.domain.events import Content, Reasoning
from services.domain.limits import Priority
from services.domain.runs import AttemptOutcome, BegunTurn
from services.runs.living.calls import Calls
from services.runs.living.checkpoint import Checkpoint
from services.runs.living.clock import RunClock, RunTimes
from services.runs.living.plan import Plan
from services.streams.base import LogWriter


class Ending(StrEnum):
    """Why a run is ended from outside."""

    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    LOST = "lost"


class Living:
    """One living run.

    `attention` is set whenever its settler must look at it. `place` is the promise that its first
    call may wait in the queue, however full that is by then.
    """

    def __init__(
        self,
        turn: BegunTurn,
        plan: Plan,
        writer: LogWriter,
        times: RunTimes,
        priority: Priority = Priority.INTERACTIVE,
        place: Place | None = None,
    ) -> None:
        """Start the run's clock."""
        self.turn = turn
        self.plan = plan
        self.writer = writer
        self.priority = priority
        self.place = place
        self.attention = Event()
        self.ending: Ending | None = None
        self.clock = RunClock(times, self.attention.set)
        self.calls = Calls(turn.model, writer, self.clock)
        self.checkpoint = Checkpoint(writer)

    @property
    def run_id(self) -> str:
        """Give the run's id."""
        return self.turn.run.id

    @property
    def user_id(self) -> str:
        """Give the id of the user whose run it is."""
        return self.turn.run.user_id

    @property
    def may_call_again(self) -> bool:
        """Tell whether a further call makes sense: nothing was delivered, and it was not ended."""
        return self.clock.may_call_again and self.ending is None

    def end(self, ending: Ending) -> None:
        """Have the run ended from outside; the first reason counts."""
        if self.ending is None:
            self.ending = ending
        self.attention.set()

    def take(self, event: Content | Reasoning) -> None:
        """Write a piece of the answer to the log."""
        self.calls.check_open()
        self.clock.hear()
        if isinstance(event, Reasoning):
            self.calls.think(event.content)
        self.writer.append(event)

    def seal(self, overdue: ProviderTimeout | None = None) -> None:
        """Take nothing more from a pump that does not end.

        `overdue`: the time limit for which the pump was killed.
        """
        if self.ending is None and overdue is not None:
            self.calls.seal(AttemptOutcome.FAILED, overdue.code)
        else:
            self.calls.seal(AttemptOutcome.CANCELLED, self.ending or "")
