"""The provider calls of a run: which are out, which one answers, and how each is booked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gevent import GreenletExit

from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.runs import AttemptOutcome, AttemptRecord
from services.providers.base import ProviderRequest
from services.runs.living.call import HEDGED, Call
from services.runs.living.clock import RunClock
from services.streams.base import LogWriter

if TYPE_CHECKING:
    from services.domain.events import Attempt


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended, for the metrics: the code of its failure, or else the outcome."""

    provider: str
    end: str


class Calls:
    """All calls of one run.

    `made` are all calls that went out, and after a hedge once more the one that was chosen;
    `booked` are the calls that have ended, in the order of their numbers.
    """

    def __init__(self, model: Model, writer: LogWriter, clock: RunClock) -> None:
        """Begin with no call; `model` is the run's own."""
        self._own_model = model
        self._writer = writer
        self._clock = clock
        self.made: list[Attempt] = []
        self.booked: list[AttemptRecord] = []
        self.ends: list[CallEnd] = []
        self._open: list[Call] = []
        self._answering: Call | None = None
        self._is_chosen = False
        self._is_sealed = False

    @property
    def model(self) -> Model:
        """Give the model that answers, or was asked last."""
        return self._own_model if self._answering is None else self._answering.model

    @property
    def has_answer(self) -> bool:
        """Tell whether the call that answers is chosen."""
        return self._is_chosen

    @property
    def answer_usage(self) -> Usage | None:
        """Give the usage of the call that answered, once it is booked; None: no call was made."""
        if self._answering is None:
            return None
        number = self._answering.number
        return next((one.usage for one in self.booked if one.number == number), None)

    def begin(self, request: ProviderRequest, count_tokens: Callable[[str], int]) -> Call:
        """Note that a provider call goes out.

        Every call is written to the log before it goes out, except a first call to the run's own
        model that did not have to wait.
        """
        if self._is_sealed or self._is_chosen:
            raise GreenletExit
        call = Call(len(self.made) + 1, request, count_tokens)
        if call.number > 1 or call.model is not self._own_model or self._clock.has_waited:
            self._writer.append(call.attempt)
        self.made.append(call.attempt)
        self._open.append(call)
        self._answering = call
        self._writer.announce(None)
        self._clock.go_upstream()
        return call

    def answer_from(self, call: Call) -> None:
        """Note which of several open calls answers; the others are booked as `hedged`."""
        self._answering, self._is_chosen = call, True
        if self._clock.is_waited_for:
            self._writer.announce(None)
        others = [one for one in self._open if one is not call]
        for other in others:
            self.end(other, AttemptOutcome.CANCELLED, HEDGED)
        if others:
            told = replace(call.attempt, is_answer=True)
            self.made.append(told)
            self._writer.append(told)

    def think(self, thought: str) -> None:
        """Keep the reasoning of the answering call: it is paid for, and estimated by its text."""
        if self._answering is not None:
            self._answering.thoughts.append(thought)

    def check_open(self) -> None:
        """Raise GreenletExit where the run is sealed: its pump must write nothing more."""
        if self._is_sealed:
            raise GreenletExit

    def end(
        self, call: Call, outcome: AttemptOutcome, code: str = "", *, was_refused: bool = False
    ) -> AttemptRecord:
        """Book a call, and give its record; a call that is booked already stays as it is."""
        if call not in self._open:
            return next(one for one in self.booked if one.number == call.number)
        self._open.remove(call)
        if not self._open:
            self._clock.leave_upstream()
        has_written = call is self._answering and self._clock.first_output_at is not None
        text = self._writer.text() if has_written else ""
        failed = code if outcome is AttemptOutcome.FAILED else str(outcome)
        self.ends.append(CallEnd(call.model.provider, failed))
        record = call.record(outcome, code, text, was_refused=was_refused)
        self.booked.append(record)
        self.booked.sort(key=lambda attempt: attempt.number)
        return record

    def seal(self, outcome: AttemptOutcome, code: str) -> None:
        """Take nothing more from a pump that does not end, and book the calls that it hangs in."""
        for call in list(self._open):
            self.end(call, outcome, code)
        self._is_sealed = True
