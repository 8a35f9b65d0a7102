"""A store as a whole."""

from abc import ABC, abstractmethod

from services.stores.base.accounts.links import LinkStore
from services.stores.base.accounts.logins import LoginStore
from services.stores.base.accounts.users import UserStore
from services.stores.base.messages import MessageStore
from services.stores.base.runs import RunStore
from services.stores.base.sessions import SessionStore


class Store(ABC):
    """The six parts of one database.

    Every method of every part raises StoreUnavailable if the database does not answer; what it was
    to write is then written either whole or not at all. Times are UTC, ids are UUIDs as text; an id
    that is not a UUID is simply not found.
    """

    users: UserStore
    logins: LoginStore
    links: LinkStore
    sessions: SessionStore
    messages: MessageStore
    runs: RunStore

    @abstractmethod
    def ping(self) -> None:
        """Prove with the least possible work that the store writes, or raise StoreUnavailable."""

    @abstractmethod
    def tidy(self) -> None:
        """Do what the database needs now and then (checkpoints, statistics), off the hub."""

    @abstractmethod
    def close(self) -> None:
        """Close files and connections; the store is not used again."""
