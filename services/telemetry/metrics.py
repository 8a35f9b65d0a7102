"""Counters for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from services.domain.events import Error, Terminal

FIRST_TOKEN_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
"""Seconds; people wait for the first word, so the lower half is divided more finely."""

QUEUE_WAIT_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Seconds; a provider's limits are per minute, so a minute is about the middle."""


class Metrics:  # wide: a field and a method for each figure
    """All figures of one server, in a registry of its own.

    A run is counted when it starts and when it ends: nothing here is called for each event. Gauges,
    which tell what is going on now, are of living workers only: their sum, or their worst value.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, slot: int | None = None) -> None:
        """Begin at zero; one of several workers has a slot, and goes on with the slot's files.

        It then tells the figures of all these workers. The slot's files are in the folder that
        PROMETHEUS_MULTIPROC_DIR names, and hold all that this process counts.
        """
        registry = self._registry = CollectorRegistry()
        if slot is not None:
            share = values.MultiProcessValue
            values.ValueClass = share(lambda: slot)  # type: ignore[no-untyped-call]  # theirs
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]  # theirs
        self._active = Gauge(
            "charla_runs_active",
            "Answers that are being written.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._runs = Counter(
            "charla_runs", "Answers, by how they ended.", ["reason", "provider"], registry=registry
        )
        self._first_token = Histogram(
            "charla_time_to_first_token_seconds",
            "From the start of the run to the first piece of its answer.",
            ["provider"],
            buckets=FIRST_TOKEN_BUCKETS,
            registry=registry,
        )
        self._events = Counter(
            "charla_events", "Numbered events of ended answers.", ["provider"], registry=registry
        )
        self._readers = Gauge(
            "charla_readers",
            "Streams that are open.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._requests = Counter(
            "charla_http_requests",
            "Requests, by route.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._attempts = Counter(
            "charla_provider_attempts",
            "Calls of providers: ok, cancelled, or the code of the failure.",
            ["provider", "outcome"],
            registry=registry,
        )
        self._ignored = Counter(
            "charla_upstream_ignored",
            "Frames and usages in answers of providers that were not understood and passed by.",
            ["provider"],
            registry=registry,
        )
        self._queue_waiting = Gauge(
            "charla_provider_queue_waiting",
            "Calls that wait for room at a provider.",
            ["provider"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._queue_wait = Histogram(
            "charla_provider_queue_wait_seconds",
            "How long the calls waited that had to, until they went out or were given up.",
            ["provider"],
            buckets=QUEUE_WAIT_BUCKETS,
            registry=registry,
        )
        self._limits_apart = Gauge(
            "charla_limits_counted_apart",
            "1 while Redis is away, or late, and each process counts its share of every limit.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._key_readings = Counter(
            "charla_supabase_key_readings",
            "Readings of the keys that Supabase Auth signs with: ok or failed.",
            ["outcome"],
            registry=registry,
        )
        self._redis_away = Gauge(
            "charla_redis_away",
            "1 while Redis is away: it does not answer, takes no writes, or runs no scripts.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._degraded = Gauge(
            "charla_log_degraded",
            "1 while Redis is away, or late, and streams are served from memory.",
            registry=registry,
            multiprocess_mode="livemax",
        )

    def redis_away(self, *, away: bool) -> None:
        """Tell whether Redis is away."""
        self._redis_away.set(away)

    def log_degraded(self, *, degraded: bool) -> None:
        """Tell whether the shared log is away."""
        self._degraded.set(degraded)

    def run_started(self) -> None:
        """Count an answer that is being written."""
        self._active.inc()

    def run_ended(
        self, terminal: Terminal | None, provider: str, ttft_ms: int | None, events: int
    ) -> None:
        """Count an answer that ended, its events, and how long its first piece took.

        `terminal` None: another worker took the run over and counts it.
        """
        self._active.dec()
        self._events.labels(provider).inc(events)
        if terminal is None:
            return
        reason = terminal.code if isinstance(terminal, Error) else str(terminal.finish_reason)
        self._runs.labels(reason, provider).inc()
        if ttft_ms is not None:
            self._first_token.labels(provider).observe(ttft_ms / 1000)

    def reader_came(self) -> None:
        """Count a stream that opened."""
        self._readers.inc()

    def reader_left(self) -> None:
        """Count a stream that closed."""
        self._readers.dec()

    def request(self, route: str, method: str, status: int) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()

    def attempt(self, provider: str, outcome: str) -> None:
        """Count a call of a provider: `ok`, `cancelled`, or the code of its failure."""
        self._attempts.labels(provider, outcome).inc()

    def upstream_ignored(self, provider: str) -> None:
        """Count something in a provider's answer that was not understood and passed by."""
        self._ignored.labels(provider).inc()

    def queue_waiting(self, provider: str, waiting: int) -> None:
        """Tell how many calls wait for room at a provider in this process."""
        self._queue_waiting.labels(provider).set(waiting)

    def queue_waited(self, provider: str, seconds: float) -> None:
        """Count a call that had to wait for room at a provider, and for how long."""
        self._queue_wait.labels(provider).observe(seconds)

    def limits_counted_apart(self, *, apart: bool) -> None:
        """Tell whether each process counts its share of the limits by itself."""
        self._limits_apart.set(apart)

    def supabase_keys_read(self, *, ok: bool) -> None:
        """Count a reading of the keys that Supabase Auth signs with."""
        self._key_readings.labels("ok" if ok else "failed").inc()

    def render(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self._registry)
