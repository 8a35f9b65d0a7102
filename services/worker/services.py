"""Everything that use cases are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.admission.counters import Counters
from services.admission.sessions import SessionAdmission
from services.admission.turns import TurnAdmission
from services.admission.waiting.burst_queue import BurstQueue
from services.domain.catalog import Offers
from services.identity.accounts import Accounts
from services.identity.logins import Logins
from services.identity.passwords import Passwords
from services.identity.registration import Registrations
from services.identity.sign_ins import SignIns
from services.identity.supabase_tokens import SupabaseTokens
from services.providers.base import Provider
from services.runs.asking.gate import Gate
from services.runs.asking.routing import Router
from services.runs.drain import Drain
from services.runs.ending.outbox import Outbox
from services.runs.leases.beat import Beat
from services.runs.leases.takeover import Takeover
from services.runs.leases.watch import WorkerWatch
from services.runs.runner import Runner
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.streams.base import RunLog
from services.streams.follow import Followers
from services.telemetry.metrics import Metrics
from services.worker.housekeeping import Housekeeping

if TYPE_CHECKING:
    import gevent


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
class Answering:
    """The providers, what chooses among their models, and what lets calls out at their pace."""

    providers: Mapping[str, Provider]
    offers: Offers
    router: Router
    gate: Gate
    queue: BurstQueue

    @property
    def told(self) -> Sequence[str]:
        """Name the providers that people are told of."""
        return [name for name in self.providers if name not in self.offers.untold]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls and who may: accounts, logins, and a Supabase project's tokens if there is one."""

    accounts: Accounts
    logins: Logins
    registrations: Registrations
    sign_ins: SignIns
    passwords: Passwords
    supabase_tokens: SupabaseTokens | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:  # wide: it has one field a capability, and only holds them
    """A worker's parts; `services.worker.life` starts and ends them."""

    settings: Settings
    worker_id: str
    store: Store
    log: RunLog
    followers: Followers
    counters: Counters
    turns: TurnAdmission
    sessions: SessionAdmission
    answering: Answering
    runner: Runner
    drain: Drain
    identity: Identity
    background: Background
    metrics: Metrics
