"""The living runs of this worker: each has a settler greenlet, and a pump that this may kill."""

import time
from collections import OrderedDict
from collections.abc import Iterator

import gevent
import structlog
from gevent import Greenlet, GreenletExit
from gevent.event import Event

from services.domain.errors.upstream import ProviderTimeout
from services.domain.events import Terminal
from services.runs.asking.pump import Pump
from services.runs.ending.settler import Result, Settler
from services.runs.living.run import Ending, Living
from services.telemetry.metrics import Metrics

CLOSE_SECONDS = 5
"""How long a provider may take to close its upstream before the run ends without it."""

EARLY_STOPS = 1_000
"""Stop requests that are remembered for runs that are not launched yet."""

_log = structlog.get_logger(__name__)


class Runner:
    """Starts, ends and settles runs."""

    def __init__(
        self, pump: Pump, settler: Settler, metrics: Metrics, close_seconds: float = CLOSE_SECONDS
    ) -> None:
        """Start with no run."""
        self._close_seconds = close_seconds
        self._pump = pump
        self._settler = settler
        self._metrics = metrics
        self._living: dict[str, Living] = {}
        self._early_stops: OrderedDict[str, None] = OrderedDict()
        self._last_call: Ending | None = None
        self._is_idle = Event()

    def __len__(self) -> int:
        """Count the living runs."""
        return len(self._living)

    def __iter__(self) -> Iterator[Living]:
        """Go through the living runs."""
        return iter(list(self._living.values()))

    def __contains__(self, run_id: str) -> bool:
        """Tell whether a run lives here."""
        return run_id in self._living

    def launch(self, living: Living) -> None:
        """Start a run; returns at once."""
        self._living[living.run_id] = living
        self._is_idle.clear()
        self._metrics.run_started()
        if self._early_stops.pop(living.run_id, living) is None:
            living.end(Ending.STOPPED)
        if self._last_call is not None:
            living.end(self._last_call)
        gevent.spawn(self._live, living)

    def end(self, run_id: str, ending: Ending) -> None:
        """End a run from outside; a run that does not live here is left alone.

        A stop is remembered for a while: it may come between the begin of a run and its launch.
        """
        if run_id in self._living:
            self._living[run_id].end(ending)
        elif ending is Ending.STOPPED:
            self._early_stops[run_id] = None
            if len(self._early_stops) > EARLY_STOPS:
                self._early_stops.popitem(last=False)

    def end_all(self, ending: Ending) -> None:
        """End every living run from outside, and each that is launched later."""
        self._last_call = ending
        for living in self:
            living.end(ending)

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until all runs are settled, also those launched meanwhile; tell if they were."""
        deadline = time.monotonic() + seconds
        while self._living and (left := deadline - time.monotonic()) > 0:
            self._is_idle.wait(left)
        return not self._living

    def _live(self, living: Living) -> None:
        terminal = None
        try:
            terminal = self._settler.settle(living, self._watch(living))
        except Exception:  # noqa: BLE001 - readers must not wait for ever, whatever failed
            # The store still has the run and its checkpoints: the beat finds it unlisted.
            _log.exception("settle_crashed", run_id=living.run_id)
            living.writer.abandon()
        finally:
            if living.place is not None:
                living.place.give_back()
            self._count(living, terminal)
            del self._living[living.run_id]
            if not self._living:
                self._is_idle.set()

    def _count(self, living: Living, terminal: Terminal | None) -> None:
        self._metrics.run_ended(
            terminal, living.calls.model.provider, living.clock.ttft_ms, living.writer.top
        )
        for call in living.calls.ends:
            self._metrics.attempt(call.provider, call.end)

    def _watch(self, living: Living) -> Result | None:
        """Wait for the pump; kill it for an ending from outside, or when a time limit passes."""
        pump: Greenlet[..., Result] = gevent.spawn(self._pump.run, living)
        pump.rawlink(lambda _: living.attention.set())
        overdue = None
        while not pump.ready():
            living.attention.wait(living.clock.seconds_left())
            living.attention.clear()
            overdue = living.clock.overdue()
            if living.ending is not None or overdue is not None:
                self._cut(pump, living, overdue)
                break
        if isinstance(pump.value, Result):
            return pump.value
        return None if living.ending else overdue

    def _cut(
        self, pump: "Greenlet[..., Result]", living: Living, overdue: ProviderTimeout | None
    ) -> None:
        """Kill the pump for good; a pump that hangs while it closes its upstream is left behind."""
        reason = GreenletExit() if living.ending or overdue is None else overdue
        pump.kill(reason, timeout=self._close_seconds)
        if not pump.ready():
            _log.error("pump_hangs", run_id=living.run_id, provider=living.calls.model.provider)
            living.seal(overdue)
