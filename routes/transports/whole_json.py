"""One JSON for a whole answer: the blocking twin of the stream."""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import cast

from routes.transports.payloads import Payload, payload_of
from services.domain.deliveries import Batch, EventStream
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Done, Error
from services.domain.runs import Run

_NO_END = "The answer is not at its end and cannot be waited for here; read the run again."


class RunFailed(ProviderError):
    """The run of a blocking call failed: 502 with what there is of the answer."""

    def __init__(self, run: Run, failure: Error | None, text: str) -> None:
        """Keep what the client may want to go on with; None: the events ended without an end."""
        if failure is None:
            super().__init__(_NO_END, code=FailureCode.INTERRUPTED, may_retry=True)
        else:
            code = FailureCode(failure.code)
            super().__init__(failure.message, code=code, may_retry=failure.retryable)
        self._run = run
        self._text = text

    def extra(self) -> Mapping[str, object]:
        """Name the run and give the partial text."""
        return {
            "session_id": self._run.session_id,
            "run_id": self._run.id,
            "message_id": self._run.message_id,
            "content": self._text,
        }


class RunTimedOut(RunFailed):
    """The run of a blocking call met a time limit of the provider: 504."""

    status = ProviderTimeout.status
    title = ProviderTimeout.title


class WholeAnswer:
    """The answer of a run, for whoever waits for all of it; holds a reader's place until closed."""

    def __init__(self, run: Run, events: EventStream) -> None:
        """Take the events of one reader."""
        self._run = run
        self._events = events
        self.close = events.close

    def wait(self, seconds: float = 0) -> Payload | None:
        """Wait for the end of the run and give its answer, or raise RunFailed.

        With `seconds`, None where the end has not come by then: that is noticed with the next
        event, or the next ping.
        """
        until = time.monotonic() + seconds if seconds else None
        for delivery in self._events:
            if isinstance(delivery, Batch):
                match delivery.events[-1]:
                    case Done() as done:
                        return _answer(self._run, done, self._events.text())
                    case Error() as error:
                        kind = RunTimedOut if error.code == FailureCode.TIMEOUT else RunFailed
                        raise kind(self._run, error, self._events.text())
            if until is not None and time.monotonic() >= until:
                return None
        raise RunFailed(self._run, None, self._events.text())


def whole_answer(run: Run, events: EventStream) -> Payload:
    """Wait for the end of a run and give its answer, or raise RunFailed."""
    with closing(WholeAnswer(run, events)) as answer:
        return cast("Payload", answer.wait())


def _answer(run: Run, done: Done, text: str) -> Payload:
    payload = payload_of(done, text) or {}
    kept = ("message_id", "finish_reason", "usage", "cost", "model", "provider")
    return {
        "session_id": run.session_id,
        "run_id": run.id,
        "content": text,
        **{key: payload[key] for key in kept},
    }
