"""Requests that this server cannot serve just now."""

from services.domain.errors.base import CharlaError


class Unavailable(CharlaError):
    """The server cannot do this now; a later try may succeed."""

    status = 503
    title = "The service is not available"
    code = "unavailable"
    retryable = True
    retry_after = 1


class StoreUnavailable(Unavailable):
    """The database does not answer; nothing was saved and nothing was begun."""

    title = "The store is not available"
    code = "store_unavailable"


class Draining(Unavailable):
    """This server is shutting down and takes no new runs."""

    title = "The server is shutting down"
    code = "draining"


class TooManyStreams(Unavailable):
    """This server has as many open streams as it takes."""

    title = "Too many open streams"
    code = "too_many_streams"
    retry_after = 5


class TooManyConnections(Unavailable):
    """This server, or the caller's network, has as many connections as there may be."""

    title = "Too many connections"
    code = "too_many_connections"
    retry_after = 5
