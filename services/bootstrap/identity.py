"""Builds accounts, logins and the check of Supabase's tokens."""

from collections.abc import Callable
from datetime import timedelta

from services.identity.accounts import Accounts
from services.identity.links import Links
from services.identity.logins import Logins, LoginTimes
from services.identity.passwords import Passwords
from services.identity.registration import RegistrationRules, Registrations
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.streams.base import Nudge, NudgeKind, RunLog
from services.telemetry.metrics import Metrics
from services.worker.services import Identity


def build(settings: Settings, store: Store, log: RunLog, metrics: Metrics) -> Identity:
    """Build what authenticates callers."""
    accounts = settings.accounts
    passwords = Passwords(accounts.password_hash_memory_kib)
    times = LoginTimes(
        lifetime=timedelta(seconds=accounts.refresh_token_seconds),
        grace=timedelta(seconds=accounts.refresh_grace_seconds),
    )
    local = Accounts(store.users, passwords)
    return Identity(
        accounts=local,
        logins=Logins(store.logins, times, tell=_tell_of_login(log)),
        registrations=build_registrations(settings, store, local, passwords),
        passwords=passwords,
        supabase_tokens=_supabase_tokens(settings, store, metrics),
    )


def build_registrations(
    settings: Settings, store: Store, accounts: Accounts, passwords: Passwords
) -> Registrations:
    """Build what makes accounts: for the server, and for the commands beside it."""
    links = Links(store.links, timedelta(seconds=settings.accounts.link_seconds))
    rules = RegistrationRules(
        registration=settings.registration, first_is_admin=not settings.server.is_production
    )
    return Registrations(store.users, accounts, passwords, links, rules)


def _tell_of_login(log: RunLog) -> Callable[[str], None]:
    """Give what makes other workers look at once whether a login ended; an empty id: all."""
    return lambda login_id: log.send(Nudge(NudgeKind.LOGIN_ENDED, login_id))


def _supabase_tokens(settings: Settings, store: Store, metrics: Metrics) -> SupabaseTokens | None:
    scaling = settings.scaling
    if scaling.supabase_url is None:
        return None
    rules = SupabaseRules(
        url=scaling.supabase_url.rstrip("/"),
        secret=scaling.supabase_jwt_secret,
        leeway_seconds=settings.accounts.jwt_leeway_seconds,
    )
    return SupabaseTokens.of(
        rules, store.users.tenant_id, lambda ok: metrics.supabase_keys_read(ok=ok)
    )
