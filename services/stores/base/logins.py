"""Logins: families of single-use refresh tokens."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is stored of a refresh token: never the token, only its SHA-256."""

    token_hash: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """A login of a user; its access tokens carry the id."""

    id: str
    user_id: str


class LoginStore(ABC):
    """A refresh token is good once. Its reuse after the grace period revokes its whole family."""

    @abstractmethod
    def open(self, login: Login, token: RefreshToken) -> None:
        """Begin a family with its first token."""

    @abstractmethod
    def rotate(self, old_hash: str, token: RefreshToken, grace: timedelta) -> Login | None:
        """Use up the old token and store the new one, atomically.

        Within `grace` of its first use an old token may be used again (two tabs refresh at once).
        After that, its use revokes the family. None: unknown, expired, revoked or reused; nothing
        was issued. `token.issued_at` is the present time.
        """

    @abstractmethod
    def revoke(self, login_id: str) -> None:
        """End a login: its refresh and access tokens no longer count. Unknown ids are ignored."""

    @abstractmethod
    def revoke_all(self, user_id: str, *, but: str) -> None:
        """End every login of a user except one."""

    @abstractmethod
    def is_live(self, login_id: str) -> bool:
        """Tell whether a login exists and was not revoked.

        A login that another process revoked may be seen as live until this process' next beat, or
        `forget`.
        """

    @abstractmethod
    def forget(self, login_id: str | None) -> None:
        """Have the next `is_live` of a login ask the database, if answers are remembered.

        None: of every login.
        """

    @abstractmethod
    def purge(self, expired_before: datetime) -> int:
        """Delete tokens that expired before, and families left without tokens; return how many."""
