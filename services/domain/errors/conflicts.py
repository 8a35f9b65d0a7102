"""Requests that contradict the present state."""

from collections.abc import Mapping

from services.domain.errors.base import CharlaError


class Conflict(CharlaError):
    """The request contradicts the present state."""

    status = 409
    title = "Conflict"
    code = "conflict"


class EmailTaken(Conflict):
    """An account with this e-mail address exists."""

    code = "email_taken"


class ExternalAccount(Conflict):
    """The account is managed elsewhere: its logins and its password are not ours to change."""

    title = "The account is managed elsewhere"
    code = "external_account"

    def __init__(self, manager: str) -> None:
        """Name the system that manages it."""
        super().__init__(f"{manager} manages this account: do this there. Nothing has changed.")


class RunActive(Conflict):
    """A session answers one message at a time."""

    title = "A run is already active in this session"
    code = "run_active"

    def __init__(self, active_run_id: str) -> None:
        """Keep the run that the caller may follow or stop instead."""
        super().__init__("Follow or stop the active run, or wait for its end.")
        self.active_run_id = active_run_id

    def extra(self) -> Mapping[str, object]:
        """Name the active run."""
        return {"active_run_id": self.active_run_id}


class StorageFull(Conflict):
    """The user keeps as many bytes as a user may; what is there can be read and deleted."""

    title = "Your storage is full"
    code = "storage_full"
