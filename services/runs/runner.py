"""The living runs of this worker: one settler greenlet each, with a pump that it may kill."""

from collections.abc import Iterator

import gevent
from gevent import Greenlet

from services.domain.events import Terminal
from services.runs.living import Ending, Living
from services.runs.pump import Pump
from services.runs.settler import Result, Settler
from services.telemetry.metrics import Metrics


class Runner:
    """Starts, ends and settles runs."""

    def __init__(self, pump: Pump, settler: Settler, metrics: Metrics) -> None:
        """Start with no run."""
        self._pump = pump
        self._settler = settler
        self._metrics = metrics
        self._living: dict[str, Living] = {}
        self._greenlets: set[Greenlet[..., None]] = set()

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
        """Let a run go; returns at once."""
        self._living[living.run_id] = living
        self._metrics.run_started()
        greenlet: Greenlet[..., None] = gevent.spawn(self._live, living)
        self._greenlets.add(greenlet)
        greenlet.rawlink(self._greenlets.discard)

    def end(self, run_id: str, ending: Ending) -> None:
        """End a run from outside; one that does not live here is left alone."""
        if run_id in self._living:
            self._living[run_id].end(ending)

    def end_all(self, ending: Ending) -> None:
        """End every living run from outside."""
        for living in self:
            living.end(ending)

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until every run is settled; tell whether that came in time."""
        gevent.joinall(list(self._greenlets), timeout=max(0.0, seconds))
        return not self._living

    def _live(self, living: Living) -> None:
        try:
            result = self._watch(living)
            terminal = self._settler.settle(living, result)
            self._count(living, terminal)
        finally:
            del self._living[living.run_id]

    def _count(self, living: Living, terminal: Terminal | None) -> None:
        provider = living.turn.model.provider
        self._metrics.run_ended(terminal, provider, living.ttft_ms)
        for attempt in living.attempts:
            self._metrics.attempt(provider, str(attempt.outcome))

    def _watch(self, living: Living) -> Result | None:
        """Wait for the pump; kill it for an ending from outside, or when a time limit passes."""
        pump: Greenlet[..., Result] = gevent.spawn(self._pump.run, living)
        pump.rawlink(lambda _: living.attention.set())
        while not pump.ready():
            living.attention.wait(living.seconds_left())
            living.attention.clear()
            overdue = living.overdue()
            if living.ending is not None:
                pump.kill()
            elif overdue is not None and not pump.ready():
                living.upstream_since = None
                pump.kill(overdue, block=False)
                gevent.sleep(0)
        return pump.value if isinstance(pump.value, Result) else None
