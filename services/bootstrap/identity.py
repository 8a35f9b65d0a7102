"""Builds accounts, logins and the check of Supabase's tokens."""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import timedelta

from services.bootstrap.admission import parsed
from services.domain.limits import Windows
from services.domain.users import EXAMPLE_PASSWORDS
from services.identity.accounts import Accounts
from services.identity.attempts import AttemptRules, Attempts
from services.identity.hashing_line import LineRules
from services.identity.links import Links
from services.identity.logins import Logins, LoginTimes
from services.identity.passwords import HASHERS, Passwords
from services.identity.registration import RegistrationRules, Registrations
from services.identity.sign_ins import SignIns
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.streams.base import Nudge, NudgeKind, RunLog
from services.telemetry.metrics import Metrics
from services.worker.services import Identity


def build(
    settings: Settings, store: Store, log: RunLog, metrics: Metrics, windows: Windows
) -> Identity:
    """Build what authenticates callers; attempts at passwords are counted in `windows`."""
    passwords = _passwords(settings)
    accounts = _accounts(settings, store, passwords)
    logins = Logins(store.logins, _login_times(settings), tell=_tell_of_login(log))
    return Identity(
        accounts=accounts,
        logins=logins,
        registrations=_registrations(settings, store, accounts),
        sign_ins=SignIns(accounts, logins, Attempts(windows, _attempt_rules(settings))),
        passwords=passwords,
        supabase_tokens=_supabase_tokens(settings, store, metrics),
    )


@contextmanager
def registrations(settings: Settings, store: Store) -> Generator[Registrations, None, None]:
    """Give what makes accounts and links to a command, which may run beside the server."""
    with closing(_passwords(settings)) as passwords:
        yield _registrations(settings, store, _accounts(settings, store, passwords))


def _accounts(settings: Settings, store: Store, passwords: Passwords) -> Accounts:
    known_to_all = EXAMPLE_PASSWORDS if settings.server.is_production else ()
    return Accounts(store.users, passwords, known_to_all=known_to_all)


def _passwords(settings: Settings) -> Passwords:
    accounts = settings.accounts
    line = LineRules(
        places=HASHERS, size=accounts.password_queue_size, seconds=accounts.password_queue_seconds
    )
    return Passwords(accounts.password_hash_memory_kib, line)


def _login_times(settings: Settings) -> LoginTimes:
    accounts = settings.accounts
    return LoginTimes(
        lifetime=timedelta(seconds=accounts.refresh_token_seconds),
        grace=timedelta(seconds=accounts.refresh_grace_seconds),
    )


def _attempt_rules(settings: Settings) -> AttemptRules:
    limits = settings.limits
    return AttemptRules(
        account=parsed(limits.failed_account) if limits.enabled else (),
        network=parsed(limits.failed_network) if limits.enabled else (),
    )


def _registrations(settings: Settings, store: Store, accounts: Accounts) -> Registrations:
    links = Links(store.links, timedelta(seconds=settings.accounts.link_seconds))
    rules = RegistrationRules(
        registration=settings.registration, first_is_admin=not settings.server.is_production
    )
    return Registrations(store.users, accounts, links, rules)


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
        issuer=scaling.supabase_issuer,
        takes_anonymous=bool(scaling.supabase_anonymous),
    )
    return SupabaseTokens.of(
        rules, store.users.tenant_id, lambda ok: metrics.supabase_keys_read(ok=ok)
    )
