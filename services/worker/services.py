"""A worker: everything that use cases are made of, and what runs beside the requests."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import gevent
import structlog

from services.admission.breakers.base import Breakers
from services.admission.quotas.base import Quotas
from services.admission.waiting.burst_queue import BurstQueue
from services.domain.catalog import Offers
from services.domain.errors.outages import StoreUnavailable
from services.domain.limits import Windows
from services.identity.accounts import Accounts
from services.identity.logins import Logins
from services.identity.passwords import Passwords
from services.identity.supabase_tokens import SupabaseTokens
from services.providers.base import Provider
from services.providers.registry import DEMONSTRATIONS
from services.runs.asking.gate import Gate
from services.runs.asking.routing import Router
from services.runs.drain import Drain
from services.runs.ending.outbox import Outbox
from services.runs.leases.beat import Beat
from services.runs.leases.lock import WORKER_LOCK, FolderLock
from services.runs.leases.takeover import Takeover
from services.runs.leases.watch import WorkerWatch
from services.runs.living.run import Ending
from services.runs.runner import Runner
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.streams.base import Nudge, NudgeKind, RunLog
from services.streams.follow import Followers
from services.telemetry.metrics import Metrics
from services.worker.housekeeping import Housekeeping

_log = structlog.get_logger(__name__)

_LAST_ROUND_SECONDS = 1.0
"""How long a worker that leaves waits for a beat and a takeover that are under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What runs beside the requests."""

    beat: Beat
    watch: WorkerWatch
    takeover: Takeover
    outbox: Outbox
    housekeeping: Housekeeping
    greenlets: list["gevent.Greenlet[..., None]"] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What chooses who is asked, and lets calls out at the pace that each takes."""

    router: Router
    gate: Gate
    breakers: Breakers
    quotas: Quotas
    queue: BurstQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that use cases are made of."""

    settings: Settings
    store: Store
    log: RunLog
    followers: Followers
    providers: Mapping[str, Provider]
    offers: Offers
    traffic: Traffic
    runner: Runner
    drain: Drain
    accounts: Accounts
    logins: Logins
    passwords: Passwords
    supabase_tokens: SupabaseTokens | None
    windows: Windows
    metrics: Metrics
    worker_id: str
    background: Background

    def start(self) -> None:
        """Become a worker: get on record, see to what dead ones left, then beat.

        One that shares its streams with nobody waits for the worker before it, where that still
        drains. Loads what the first request needs, so that nobody waits for imports.
        """
        scaling = self.settings.scaling
        if not scaling.shares_streams:
            lock = FolderLock(self.settings.server.data_dir, WORKER_LOCK)
            lock.acquire(gevent.sleep)
        self.log.start(self._hear)
        take_over = self._embedded_takeover if scaling.is_embedded else self._shared_takeover
        loops = [
            self.background.beat.run,
            self.followers.run,
            self.background.housekeeping.run,
            *take_over(),
        ]
        for provider in self.providers.values():
            provider.warm_up()
        self.background.greenlets.extend(gevent.spawn(loop) for loop in loops)

    def _embedded_takeover(self) -> list[Callable[[], None]]:
        """Take all other workers for dead: the lock of the folder says so."""
        takeover = self.background.takeover
        return [] if takeover.start() else [takeover.finish]

    def _shared_takeover(self) -> list[Callable[[], None]]:
        """Get on record, so that the others see this worker, and watch them from now on."""
        background = self.background
        try:
            background.beat.beat()
        except StoreUnavailable:
            _log.warning("started_without_store")
        return [lambda: background.takeover.run(background.watch.dead)]

    def _hear(self, nudge: Nudge) -> None:
        """Do at once what the store would tell with the next beat."""
        match nudge.kind:
            case NudgeKind.STOP:
                self.runner.end(nudge.id, Ending.STOPPED)
            case NudgeKind.LOST:
                self.runner.end(nudge.id, Ending.LOST)
            case NudgeKind.LOGIN_ENDED:
                self.store.logins.forget(nudge.id or None)
            case NudgeKind.STATUS:
                """The log shows it by itself."""

    def banner(self) -> str:
        """Say where the server is, who answers, and what is missing for more."""
        server, default = self.settings.server, self.offers.default
        lines = [
            f"Charla answers at http://{server.address}",
            f"  mode      {self.settings.scaling.mode} ({server.app_env}), {self._place()}",
            f"  providers {', '.join(self.providers)}; default {default.provider}/{default.name}",
        ]
        if default.provider in DEMONSTRATIONS:
            lines.append(
                "  for real answers set OPENAI_API_KEY (or what .env.example names) and restart"
            )
        return "\n".join([*lines, ""])

    def _place(self) -> str:
        scaling, folder = self.settings.scaling, self.settings.server.data_dir
        if scaling.is_embedded:
            return f"everything is kept in {folder}"
        return f"{scaling.workers} worker(s), everything is kept in {scaling.supabase_url}"

    def close(self) -> None:
        """Settle what still runs, leave the record of workers, and give everything back."""
        self.drain.finish()
        deadline = time.monotonic() + _LAST_ROUND_SECONDS
        for shift in (self.background.beat.shift, self.background.takeover.shift):
            shift.end(deadline - time.monotonic())
        gevent.killall(self.background.greenlets)
        self.log.close()
        self.background.outbox.close()
        try:
            self.store.runs.forget_workers([self.worker_id])
        except StoreUnavailable:
            _log.warning("left_on_record", worker_id=self.worker_id)
        for provider in self.providers.values():
            provider.close()
        self.passwords.close()
        self.windows.close()
        self.traffic.queue.close()
        self.traffic.quotas.close()
        self.traffic.breakers.close()
        self.store.close()
