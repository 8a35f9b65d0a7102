"""Logins: families of single-use refresh tokens."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is stored of a refresh token: never the token, only its SHA-256.

    `seed` is what it was made with from the token before it; empty: it is the first of its login.
    """

    token_hash: str
    issued_at: datetime
    expires_at: datetime
    seed: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """A login of a user; its access tokens carry the id."""

    id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a login stands on.

    `password_hash` is the one that was checked; None: no password was. `network` is a digest of
    the account and the network that the login came from; None: it is not known.
    """

    password_hash: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a refresh token is exchanged for: its login, and the seed of the token that follows it.

    `is_spent`: the token that follows was used as well, and is to be exchanged in its turn.
    """

    login: Login
    seed: str
    is_spent: bool = False


ANY_ORIGIN = Origin()


class LoginStore(ABC):
    """A refresh token is good once, and has one successor, however often it comes.

    Its reuse after the grace period revokes its whole family.
    """

    @abstractmethod
    def open(self, login: Login, token: RefreshToken, origin: Origin = ANY_ORIGIN) -> bool:
        """Begin a family with its first token, atomically.

        False: the account's password is not the one that was checked any more; nothing was done.
        """

    @abstractmethod
    def rotate(
        self, old_hash: str, token: RefreshToken, grace: timedelta, key: str | None = None
    ) -> Renewal | None:
        """Use up the old token and store the new one as its successor, atomically.

        Within `grace` of its first use an old token may be used again (two tabs refresh at once):
        nothing is stored, and the seed of its successor is given. So it is at any time later, if
        the first use came with the same `key` and the successor was never used: its answer was
        lost. Any other use of a used token revokes the family. None: unknown, expired, revoked or
        reused; nothing was issued. `token.issued_at` is the present time.
        """

    @abstractmethod
    def knows_network(self, user_id: str, network: str) -> bool:
        """Tell whether the user opened a login from a network whose tokens were not purged yet.

        Logins that `revoke_all` ended do not count; those that ended by themselves do.
        """

    @abstractmethod
    def revoke(self, login_id: str) -> None:
        """End a login: its refresh and access tokens no longer count. Unknown ids are ignored."""

    @abstractmethod
    def revoke_all(self, user_id: str, *, but: str) -> None:
        """End every login of a user except one, and forget the networks that they came from."""

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
