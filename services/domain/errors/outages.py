"""Requests that this server cannot serve just now."""

from services.domain.errors.base import CharlaError, FieldErrors


class Unavailable(CharlaError):
    """The server cannot do this now; a later try may succeed."""

    status = 503
    title = "The service is not available"
    code = "unavailable"
    retryable = True
    retry_after = 1


class StoreUnavailable(Unavailable):
    """The database does not answer; nothing was saved and nothing was begun.

    `reason` says why, for the operator: it is logged, and told by `check` and `/ready`, never to
    callers.
    """

    title = "The store is not available"
    code = "store_unavailable"

    def __init__(
        self, detail: str = "", errors: FieldErrors | None = None, *, reason: str = ""
    ) -> None:
        """Take the reason; without one the sentence for callers says all that is known."""
        super().__init__(detail, errors)
        self.reason = reason or self.detail


class Draining(Unavailable):
    """This server is shutting down and takes no new runs."""

    title = "The server is shutting down"
    code = "draining"


class TooManyStreams(Unavailable):
    """This server has as many open streams as it takes."""

    title = "Too many open streams"
    code = "too_many_streams"
    retry_after = 5

    def __init__(self, detail: str = "") -> None:
        """Say what is full; by itself, the server."""
        super().__init__(detail or "As many streams are open here as this server takes.")


class TooManyLogins(Unavailable):
    """More passwords wait to be checked than this server takes, or one waited for too long."""

    title = "Too many passwords are being checked"
    code = "too_many_logins"
    retry_after = 5

    def __init__(self) -> None:
        """Say that nothing was done: the password may be right."""
        super().__init__("Too many people log in at once; this login was not looked at.")


class TooManyConnections(Unavailable):
    """This server, or the caller's network, has as many connections as there may be."""

    title = "Too many connections"
    code = "too_many_connections"
    retry_after = 5
