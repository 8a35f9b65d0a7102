"""Logins; each is a family of refresh tokens, and each token can be used once."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from uuid_utils.compat import uuid7

from services.domain.errors.requests import Unauthorized
from services.identity.accounts import Clock, utc_now
from services.stores.base.logins import Login, LoginStore, RefreshToken

TOKEN_BYTES = 32
"""256 bits cannot be guessed, so a plain SHA-256 protects what is stored."""


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


@dataclass(frozen=True, slots=True)
class _MadeToken:
    """A new refresh token: the text for its client, and what the store has of it."""

    text: str
    stored: RefreshToken


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

    def open(self, user_id: str) -> OpenLogin:
        """Begin a login."""
        token = self._make_token()
        login = Login(id=str(uuid7()), user_id=user_id)
        self._store.open(login, token.stored)
        return OpenLogin(login, token.text)

    def refresh(self, refresh_token: str) -> OpenLogin:
        """Exchange a refresh token for the next one.

        Raises Unauthorized. A token that was used before, longer ago than the grace, ends the
        login: two parties had it, and one of them is a thief.
        """
        token = self._make_token()
        login = self._store.rotate(_hash(refresh_token), token.stored, self._times.grace)
        if login is None:
            raise Unauthorized("The refresh token does not count (any more); log in again.")
        return OpenLogin(login, token.text)

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

    def _make_token(self) -> _MadeToken:
        text = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._now()
        return _MadeToken(text, RefreshToken(_hash(text), now, now + self._times.lifetime))


def _hash(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode()).hexdigest()
