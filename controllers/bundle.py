"""All use cases of a worker, built in one place."""

from dataclasses import dataclass

from controllers.auth import AuthController
from controllers.chat import ChatController
from controllers.health import HealthController
from controllers.providers import Protection, ProvidersController
from controllers.readers import Readers
from controllers.registration import RegistrationController
from controllers.runs import RunParts, RunsController, TurnDefaults
from controllers.sessions import SessionsController
from services.domain.catalog import ModelChoice, Strategy
from services.runs.living.clock import RunTimes
from services.settings.whole import Settings
from services.worker.services import Services
from services.worker.store_probe import StoreProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Controllers:
    """All use cases."""

    auth: AuthController
    registration: RegistrationController
    sessions: SessionsController
    runs: RunsController
    chat: ChatController
    providers: ProvidersController
    health: HealthController


def build(services: Services) -> Controllers:
    """Build all use cases on a worker's services."""
    runs, identity = build_runs(services), services.identity
    sessions = SessionsController(
        services.store, services.answering.offers, runs, services.sessions
    )
    return Controllers(
        auth=AuthController(identity.accounts, identity.logins, identity.sign_ins),
        registration=RegistrationController(
            identity.registrations, identity.logins, identity.sign_ins
        ),
        sessions=sessions,
        runs=runs,
        chat=ChatController(sessions, runs),
        providers=_providers(services),
        health=_health(services),
    )


def build_runs(services: Services) -> RunsController:
    """Build the controller that begins runs: for a request, a socket or a job."""
    parts = RunParts(
        store=services.store.runs,
        log=services.log,
        runner=services.runner,
        drain=services.drain,
        providers=services.answering.providers,
        router=services.answering.router,
        admission=services.turns,
        defaults=_defaults(services.settings),
        worker_id=services.worker_id,
    )
    return RunsController(parts, Readers(services.store.runs, services.log, services.followers))


def _defaults(settings: Settings) -> TurnDefaults:
    given, limits = settings.providers, settings.limits
    return TurnDefaults(
        temperature=given.default_temperature,
        max_tokens=given.default_max_tokens,
        context_messages=given.context_messages,
        max_active_runs=limits.max_active_runs_per_user if limits.enabled else None,
        times=RunTimes(
            first_token=given.first_token_seconds,
            content=given.content_timeout_seconds,
            run=settings.runs.run_timeout_seconds,
        ),
    )


def _providers(services: Services) -> ProvidersController:
    answering, counters = services.answering, services.counters
    protection = Protection(
        breakers=counters.breakers, quotas=counters.quotas, waiting=answering.queue.waiting
    )
    return ProvidersController(
        answering.offers,
        answering.providers,
        protection,
        Strategy(services.settings.routing.default_strategy),
        lambda: answering.router.choose(ModelChoice(), None).likely,
    )


def _health(services: Services) -> HealthController:
    states = dict.fromkeys(services.answering.told, "configured")
    probe = StoreProbe(services.store.ping, lambda: services.background.beat.failure)
    return HealthController(
        probe.failure,
        lambda: services.drain.is_draining,
        lambda: services.log.is_degraded,
        lambda: states,
    )
