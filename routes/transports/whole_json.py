"""One JSON for a whole answer: the blocking twin of the stream."""

from collections.abc import Mapping

from routes.transports.payloads import Payload, payload_of
from services.domain.deliveries import Batch, EventStream
from services.domain.errors import ProviderError
from services.domain.events import Done, Error
from services.domain.runs import Run

_TIMEOUT_STATUS = 504


class RunFailed(ProviderError):
    """The run of a blocking call failed: 502, or 504 for a time limit, with what there is."""

    def __init__(self, run: Run, error: Error, text: str) -> None:
        """Keep what the client may want to go on with."""
        super().__init__(error.message, code=error.code, may_retry=error.retryable)
        self._run = run
        self._text = text
        if error.code == "upstream_timeout":
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
    finally:
        events.close()
    raise ProviderError("The run moved to another worker; read it again.", code="interrupted")


def _answer(run: Run, done: Done, text: str) -> Payload:
    payload = payload_of(done, text) or {}
    kept = ("message_id", "finish_reason", "usage", "cost", "model", "provider")
    return {
        "session_id": run.session_id,
        "run_id": run.id,
        "content": text,
        **{key: payload[key] for key in kept},
    }
