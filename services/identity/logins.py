"""Logins; each is a family of refresh tokens, and each token can be used once."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from uuid_utils.compat import uuid7

from services.domain.errors.requests import Unauthorized
from services.identity.accounts import Clock, utc_now
from services.stores.base.accounts.logins import ANY_ORIGIN, Login, LoginStore, Origin, RefreshToken

TOKEN_BYTES = 32
"""256 bits cannot be guessed, so a plain SHA-256 protects what is stored."""

MAX_STEPS = 32
"""Successors that are gone through within the grace, where each was used as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginTimes:
    """How long an unused login lasts, and for how long a used token is still accepted."""

    lifetime: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True)
class OpenLogin:
    """A login and the refresh token that continues it; the store has only the token's hash."""

    login: Login
    refresh_token: str


class Logins:
    """Opens, continues and ends logins."""

    def __init__(
        self,
        store: LoginStore,
        times: LoginTimes,
        now: Clock = utc_now,
        tell: Callable[[str], None] = lambda login_id: None,  # noqa: ARG005 - one process is all
    ) -> None:
        """Keep what is needed to recognise a token in `store`.

        `tell` makes the other workers look at once whether a login has ended; an empty id: any.
        """
        self._tell = tell
        self._store = store
        self._times = times
        self._now = now

    def open(self, user_id: str, origin: Origin = ANY_ORIGIN) -> OpenLogin | None:
        """Begin a login; None: the password that was checked is not the account's any more."""
        text = secrets.token_urlsafe(TOKEN_BYTES)
        login = Login(id=str(uuid7()), user_id=user_id)
        is_open = self._store.open(login, self._described(text), origin)
        return OpenLogin(login, text) if is_open else None

    def refresh(self, refresh_token: str, key: str | None = None) -> OpenLogin:
        """Exchange a refresh token for the next one, which is the same however often it comes.

        Raises Unauthorized. A token that was used before, longer ago than the grace, ends the
        login: two parties had it, and one of them is a thief. With the `key` of its first use it
        may come at any time until the next one is used: the answer was lost on the way.
        """
        text, key_hash = refresh_token, None if key is None else _hash(key)
        for _ in range(MAX_STEPS):
            seed = secrets.token_urlsafe(TOKEN_BYTES)
            offered = self._described(_following(text, seed), seed)
            renewal = self._store.rotate(_hash(text), offered, self._times.grace, key_hash)
            if renewal is None:
                break
            text = _following(text, renewal.seed)
            if not renewal.is_spent:
                return OpenLogin(renewal.login, text)
        raise Unauthorized("The refresh token does not count (any more); log in again.")

    def knows_network(self, user_id: str, network: str) -> bool:
        """Tell whether the user has logged in from a network (see `network_digest`)."""
        return self._store.knows_network(user_id, network)

    def end(self, login_id: str) -> None:
        """End a login: its refresh and access tokens are not valid any more."""
        self._store.revoke(login_id)
        self._tell(login_id)

    def end_others(self, user_id: str, login_id: str) -> None:
        """End all logins of a user but one."""
        self._store.revoke_all(user_id, but=login_id)
        self._tell("")

    def is_live(self, login_id: str) -> bool:
        """Tell whether a login has not ended."""
        return self._store.is_live(login_id)

    def _described(self, text: str, seed: str = "") -> RefreshToken:
        now = self._now()
        return RefreshToken(_hash(text), now, now + self._times.lifetime, seed)


def network_digest(user_id: str, network: str) -> str:
    """Describe where a user comes from, so that nobody reads it in the database."""
    return _hash(f"{user_id} {network}")


def _following(refresh_token: str, seed: str) -> str:
    # Only who holds the token can make the next one of what the store keeps.
    made = hmac.digest(refresh_token.encode(), seed.encode(), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _hash(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode()).hexdigest()
