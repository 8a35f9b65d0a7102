"""One JSON for a whole answer: the blocking twin of the stream."""

from collections.abc import Mapping

from routes.transports.payloads import Payload, payload_of
from services.domain.deliveries import Batch, EventStream
from services.domain.errors.upstream import ProviderError
from services.domain.events import Done, Error
from services.domain.runs import Run

_TIMEOUT_STATUS = 504
_NO_END = "The answer is not at its end and cannot be waited for here; read the run again."


class RunFailed(ProviderError):
    """The run of a blocking call failed: 502, or 504 for a time limit, with what there is."""

    def __init__(self, run: Run, failure: Error | None, text: str) -> None:
        """Keep what the client may want to go on with; None: the events ended without an end."""
        if failure is None:
            super().__init__(_NO_END, code="interrupted", may_retry=True)
        else:
            super().__init__(failure.message, code=failure.code, may_retry=failure.retryable)
        self._run = run
        self._text = text
        if self.code == "upstream_timeout":
            self.status = _TIMEOUT_STATUS  # type: ignore[misc]  # the class' default is overridden

    def extra(self) -> Mapping[str, object]:
        """Name the run and give the partial text."""
        return {
            "session_id": self._run.session_id,
            "run_id": self._run.id,
            "message_id": self._run.message_id,
            "content": self._text,
        }


def whole_answer(run: Run, events: EventStream) -> Payload:
    """Wait for the end of a run and give its answer, or raise RunFailed."""
    try:
        for delivery in events:
            if not isinstance(delivery, Batch):
                continue
            match delivery.events[-1]:
                case Done() as done:
                    return _answer(run, done, events.text())
                case Error() as error:
                    raise RunFailed(run, error, events.text())
        raise RunFailed(run, None, events.text())
    finally:
        events.close()


def _answer(run: Run, done: Done, text: str) -> Payload:
    payload = payload_of(done, text) or {}
    kept = ("message_id", "finish_reason", "usage", "cost", "model", "provider")
    return {
        "session_id": run.session_id,
        "run_id": run.id,
        "content": text,
        **{key: payload[key] for key in kept},
    }
