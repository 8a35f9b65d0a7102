"""Accounts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from services.domain.users import Role, User


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """An account to be made; the caller makes the id and the hash.

    `role` None: the first account of an installation becomes its admin, all others are members.
    """

    id: str
    email: str
    name: str | None
    password_hash: str
    created_at: datetime
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account and the hash that its password must match."""

    user: User
    password_hash: str


class UserStore(ABC):
    """E-mail addresses are compared as `services.stores.base.accounts.emails` does, everywhere."""

    @abstractmethod
    def tenant_id(self) -> str:
        """Give the installation's own tenant, which is made if it is missing."""

    @abstractmethod
    def add(self, new: NewUser) -> User:
        """Make an account, atomically.

        Raises EmailTaken, and then nothing has changed.
        """

    @abstractmethod
    def credentials(self, email: str) -> Credentials | None:
        """Find an account by its address; None: there is none."""

    @abstractmethod
    def get(self, user_id: str) -> Credentials | None:
        """Find an account by its id; None: there is none."""

    @abstractmethod
    def set_password(self, user_id: str, new_hash: str, *, only_if: str) -> bool:
        """Replace the hash if it is still `only_if`, atomically; False: nothing has changed.

        The password is the same one, hashed anew: logins and links stay.
        """

    @abstractmethod
    def change_password(self, user_id: str, new_hash: str, *, only_if: str, but: str) -> bool:
        """Replace the hash as `set_password` does, by that of another password.

        In the same transaction all logins of the account but one end, their networks are forgotten,
        and the links that would choose its password are deleted.
        """

    @abstractmethod
    def set_role(self, user_id: str, role: Role) -> bool:
        """Give an account another role; False: there is no such account."""
