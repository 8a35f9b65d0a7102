"""What processes tell each other over Redis to save time: a missed nudge is found in the store."""

from collections.abc import Callable

import gevent
import msgspec
import structlog

from services.domain.events import Status
from services.streams.base import LogUnavailable, Nudge, NudgeKind
from services.streams.redis.link import RedisLink

_RETRY_SECONDS = 0.5
_POLL_SECONDS = 0.1

_log = structlog.get_logger(__name__)


class Nudges:
    """Sends and hears nudges; a process also hears its own."""

    def __init__(self, link: RedisLink) -> None:
        """Use this Redis."""
        self._link = link

    def send(self, nudge: Nudge) -> None:
        """Tell all processes; while Redis is away, none."""
        try:
            self._link.publish(msgspec.json.encode(nudge))
        except LogUnavailable:
            _log.warning("nudge_not_sent", kind=str(nudge.kind), id=nudge.id)

    def send_status(self, run_id: str, status: Status | None) -> None:
        """Tell all present and future readers of a run what to show while they wait."""
        nudge = msgspec.json.encode(Nudge(NudgeKind.STATUS, run_id, status))
        try:
            self._link.keep_status(run_id, nudge if status else None, nudge)
        except LogUnavailable:
            _log.warning("status_not_sent", run_id=run_id)

    def run(self, hear: Callable[[Nudge], None]) -> None:
        """Hear for ever."""
        while True:
            try:
                for message in self._link.heard():
                    if not message:  # an empty one is the probe of a check
                        gevent.sleep(_POLL_SECONDS)
                    else:
                        self._take(message, hear)
            except LogUnavailable:
                gevent.sleep(_RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - without it stops would wait for the next beat
                _log.exception("nudges_crashed")
                gevent.sleep(_RETRY_SECONDS)

    def _take(self, message: bytes, hear: Callable[[Nudge], None]) -> None:
        try:
            hear(read(message))
        except msgspec.MsgspecError:
            _log.warning("nudge_not_understood")
        except Exception:  # noqa: BLE001 - one nudge must not keep the others from being heard
            _log.exception("nudge_crashed")


def read(message: bytes) -> Nudge:
    """Read what `send` or `send_status` wrote; raises msgspec.MsgspecError for anything else."""
    return msgspec.json.decode(message, type=Nudge)
