"""A worker without a server: a store in a folder, a log in memory, a runner and its readers."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from worlds.played import PlayedProvider, ShakyRuns, Step
from worlds.stores import OFFERS, WORKER, new_id, new_session, turn_in

from services.admission.breakers.base import BreakerRules, Breakers
from services.admission.breakers.local import LocalBreakers
from services.admission.counters import Counters
from services.admission.quotas.base import Quotas
from services.admission.quotas.local import LocalQuotas
from services.admission.windows.local import LocalWindows
from services.bootstrap import runs, streams
from services.bootstrap.offers import Asked
from services.domain.catalog import ModelChoice, Offers
from services.domain.costs import Usage
from services.domain.deliveries import Batch, EventStream, Ping
from services.domain.events import (
    Content,
    Done,
    Error,
    Finish,
    Resume,
    RunEvent,
    Status,
    Terminal,
    UsageReport,
)
from services.domain.runs import BegunTurn, Run
from services.domain.sessions import FinishReason, Session
from services.providers.base import Provider, ProviderRequest
from services.runs.asking.retries import RetryRules
from services.runs.drain import Drain
from services.runs.ending.outbox import Outbox
from services.runs.leases.beat import Beat, BeatTimes
from services.runs.leases.reaper import Reaper
from services.runs.leases.takeover import Takeover
from services.runs.leases.watch import WorkerWatch
from services.runs.living.clock import RunTimes
from services.runs.living.plan import Plan
from services.runs.living.run import Ending, Living
from services.settings.groups.providers import ProviderSettings
from services.settings.groups.routing import RoutingSettings
from services.settings.groups.runs import RunSettings
from services.settings.whole import Settings
from services.stores.base.runs import RunStore
from services.stores.sqlite.store import FILE_NAME, SqliteStore
from services.streams.base import Nudge, NudgeKind, RunLog
from services.streams.follow import ReaderRequest, Subscription
from services.streams.memory import MemoryRunLog
from services.telemetry.metrics import Metrics

PATIENCE_SECONDS = 10.0
"""The waits of these tests take milliseconds; this is for a machine that is busy."""

LONG = RunTimes(first_token=60, content=60, run=60)
QUICK_RETRIES = RetryRules(retries=2, min_seconds=0, max_seconds=0, retry_after_max=120)
USAGE = Usage(input_tokens=10, output_tokens=2)


OpenLog = Callable[[RunStore, Metrics], RunLog]


def said(*words: str) -> list[Step]:
    """Script an answer of these words that ends well."""
    return [*(Content(word) for word in words), UsageReport(USAGE), Finish(FinishReason.STOP)]


@dataclass
class Story:
    """Everything that a reader was given, in order."""

    events: list[tuple[int, RunEvent]] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    greetings: list[Resume] = field(default_factory=list)
    pings: int = 0

    def take(self, delivery: object) -> None:
        """Add a delivery."""
        match delivery:
            case Batch():
                self.events.extend(enumerate(delivery.events, delivery.first_seq))
            case Status():
                self.statuses.append(delivery)
            case Resume():
                self.greetings.append(delivery)
            case Ping():
                self.pings += 1

    @property
    def text(self) -> str:
        """The text of the answer: all its pieces put together."""
        return "".join(e.content for _, e in self.events if isinstance(e, Content))

    @property
    def seqs(self) -> list[int]:
        """The numbers of the events."""
        return [seq for seq, _ in self.events]

    @property
    def terminals(self) -> list[Terminal]:
        """All terminal events; a story that ended well has one, as its last event."""
        return [event for _, event in self.events if isinstance(event, Done | Error)]

    @property
    def end(self) -> Terminal:
        """The terminal event, checked to be the only one and the last event."""
        [terminal] = self.terminals
        assert self.events[-1][1] is terminal
        return terminal


def read_to_the_end(events: EventStream) -> Story:
    """Read until the events end, and give the reader's place back."""
    story = Story()
    with gevent.Timeout(PATIENCE_SECONDS), closing(events):
        for delivery in events:
            story.take(delivery)
    return story


class RunWorld:
    """One worker on the database of a folder."""

    def __init__(  # noqa: PLR0913 - tests name what they need
        self,
        folder: Path,
        provider: PlayedProvider,
        *,
        worker_id: str = WORKER,
        rules: RetryRules = QUICK_RETRIES,
        settle_seconds: float = 0.3,
        close_seconds: float = 5,
        open_log: OpenLog | None = None,
        others: Sequence[PlayedProvider] = (),
        hedge_seconds: float | None = None,
        is_named: bool = True,
        quotas: Quotas | None = None,
        breakers: Breakers | None = None,
        queue_size: int = 100,
        offers: Offers = OFFERS,
    ) -> None:
        """Start with no run; `open_log` makes the log, which else is in memory.

        The first model of each of `others` is asked where the provider cannot answer.
        """
        self.fallbacks = [other.models[0] for other in others]
        self.hedge_seconds = hedge_seconds
        self.is_named = is_named
        self.folder = folder
        self.provider = provider
        self.worker_id = worker_id
        self.store = SqliteStore.open(folder)
        self.runs = ShakyRuns(self.store.runs, provider.journal)
        self.metrics = Metrics()
        self.log = open_log(self.runs, self.metrics) if open_log else MemoryRunLog(900, 1 << 24)
        settings = _settings(rules, settle_seconds, queue_size)
        self.followers = streams.build_followers(settings, self.metrics)
        self.outbox = Outbox(folder / "outbox")
        self.breakers = breakers or LocalBreakers(BreakerRules())
        counters = Counters(LocalWindows(), quotas or LocalQuotas({}, 60), self.breakers)
        self.providers: dict[str, Provider] = {one.name: one for one in (provider, *others)}
        answering = runs.build_answering(
            settings, Asked(self.providers, offers), counters, self.metrics
        )
        self.router, self.gate, self.queue = answering.router, answering.gate, answering.queue
        settler = runs.build_settler(settings, self.runs, self.outbox)
        self.runner = runs.build_runner(settings, answering, settler, self.metrics, close_seconds)
        self.reaper = Reaper(self.runs, self.log, worker_id, 0.3)
        self.takeover = Takeover(self.runs, self.outbox, self.reaper, 0.01)
        self.watch = WorkerWatch(15, 10)
        self.beat = self.beat_of(0)
        self.log.start(self._hear)

    def _hear(self, nudge: Nudge) -> None:
        """End a run as a worker does that gets this nudge."""
        endings = {NudgeKind.STOP: Ending.STOPPED, NudgeKind.LOST: Ending.LOST}
        if nudge.kind in endings:
            self.runner.end(nudge.id, endings[nudge.kind])

    def beat_of(self, unlisted_seconds: float) -> Beat:
        """Make a beat that waits so long before it adopts a run that its worker does not write."""
        parts = (self.runs, self.runner, self.worker_id, self.reaper.settle, self.watch)
        return Beat(*parts, BeatTimes(pace=lambda: 0.01, unlisted_seconds=unlisted_seconds))

    def drain(self, graceful_seconds: float) -> Drain:
        """Make the drain that ends this worker's runs."""
        return Drain(self.runner, self.log, self.followers, graceful_seconds)

    def die(self) -> None:
        """Give up the locks, as the kernel does for a process that was killed."""
        self.outbox.close()

    def new_session(self) -> Session:
        """Make a session of a new user."""
        return self.store.sessions.create(new_session(new_id()))

    def begin(self, session: Session | None = None, model: str = "large") -> BegunTurn:
        """Begin a turn in the store only."""
        turn = turn_in(
            session or self.new_session(),
            worker_id=self.worker_id,
            choice=ModelChoice(None, model),
        )
        return self.runs.begin_turn(turn)

    def living(self, begun: BegunTurn, times: RunTimes = LONG) -> Living:
        """Open the log of a begun turn."""
        request = ProviderRequest(
            model=begun.model,
            messages=begun.context,
            system_prompt=begun.system_prompt,
            temperature=0.5,
            max_tokens=begun.max_tokens,
        )
        writer = self.log.open(begun.run.id, begun.run.epoch)
        writer.append(begun.run.start_event)
        others = [replace(request, model=model) for model in self.fallbacks]
        return Living(
            begun, Plan((request, *others), self.hedge_seconds, self.is_named), writer, times
        )

    def launch(self, times: RunTimes = LONG, model: str = "large") -> Living:
        """Begin a turn and launch its run."""
        living = self.living(self.begin(model=model), times)
        self.runner.launch(living)
        return living

    def follow(self, living: Living, **request: Any) -> Subscription:
        """Read a run from its start."""
        reader = self.log.reader(living.run_id)
        assert reader is not None
        wanted = ReaderRequest(user_id=living.turn.run.user_id, **request)
        return self.followers.follow(reader, wanted)

    def story_of(self, living: Living) -> Story:
        """Read a run from its start to its end."""
        return read_to_the_end(self.follow(living))

    def stored(self, living: Living) -> tuple[Run, str]:
        """Read what the store has of a run: its state and its text."""
        run = living.turn.run
        return self.store.runs.get(run.user_id, run.id), self.store.runs.text(run.user_id, run.id)

    def ledger(self) -> Sequence[dict[str, Any]]:
        """Read all rows of the ledger."""
        with closing(sqlite3.connect(self.folder / FILE_NAME)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM ledger ORDER BY seq")
            return [dict(row) for row in rows]

    def reap_all_others(self) -> int:
        """Treat all other workers as dead, and settle their runs."""
        others = self.runs.beat(self.worker_id, [], datetime.now(UTC)).others
        return self.reaper.reap(lambda: list(others))

    def wait(self) -> None:
        """Wait until every run is settled."""
        assert self.runner.wait_until_idle(PATIENCE_SECONDS)

    def close(self) -> None:
        """Close log and file; nothing of this worker can write any more."""
        self.log.close()
        self.store.close()


def _settings(rules: RetryRules, settle_seconds: float, queue_size: int) -> Settings:
    """Set what must be shorter in tests, or different, than it is by default."""
    return Settings(
        providers=ProviderSettings(
            retries=rules.retries,
            retry_min_seconds=rules.min_seconds,
            retry_max_seconds=rules.max_seconds,
            retry_after_max_seconds=rules.retry_after_max,
        ),
        routing=RoutingSettings(queue_size=queue_size),
        runs=RunSettings(settle_retry_seconds=settle_seconds, ping_seconds=10),
    )


MakeWorld = Callable[..., RunWorld]
"""Takes scripts for the provider, and by name what else RunWorld takes."""


def quick(**seconds: float) -> RunTimes:
    """Shorten some of the time limits."""
    return replace(LONG, **seconds)
