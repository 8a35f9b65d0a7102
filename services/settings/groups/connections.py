"""Connections: how many there may be, and for how long a client may keep the server waiting."""

from dataclasses import dataclass

from services.settings.variables import number, seconds, whole

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Bounds of all connections; those of streams are among the limits."""

    max_connections: int | None = whole(
        "MAX_CONNECTIONS",
        None,
        (2, 100_000),
        "Connections that a worker serves at once; a further one is answered with 503 and closed. "
        "Unset: twice MAX_STREAMS and 1000 more; fewer where too few open files are allowed.",
    )
    network_share: float = number(
        "NETWORK_SHARE",
        0.75,
        (0.01, 1),
        "The part of all connections, and of all streams, that one network may hold while no other "
        "holds any; the more others hold, the less. 1: networks are not told apart, as where all "
        "users come from one address. RATE_LIMIT_ENABLED=false has the same effect.",
    )
    head_timeout_seconds: float = seconds(
        "HEAD_TIMEOUT_SECONDS",
        10,
        (0.1, 600),
        "How long a client may take to begin its first request, and to send the head of any; then "
        "it is 408.",
    )
    body_timeout_seconds: float = seconds(
        "BODY_TIMEOUT_SECONDS",
        30,
        (0.1, 3600),
        "How long the body of a request may take, beside the time that its bytes take at "
        "MIN_BYTES_PER_SECOND; then it is 408.",
    )
    send_timeout_seconds: float = seconds(
        "SEND_TIMEOUT_SECONDS",
        20,
        (0.1, 600),
        "How long a client may take nothing of an answer, beside the time that its bytes take at "
        "MIN_BYTES_PER_SECOND, before it is dropped; a reader of a stream can resume.",
    )
    min_bytes_per_second: int = whole(
        "MIN_BYTES_PER_SECOND",
        500,
        (1, 1_000_000),
        "How fast a client has to send a body, and to take an answer, in the long run.",
        unit="bytes",
    )
    max_unsent_bytes: int = whole(
        "MAX_UNSENT_BYTES",
        256 * MEGABYTE,
        (MEGABYTE, 64 * 1024 * MEGABYTE),
        "Memory for answers that clients have yet to take, and for bodies of requests that are not "
        "answered, all together, shared by network as connections are; where there is none left, a "
        "client that is behind is dropped and a body is 503.",
        unit="bytes",
    )
    keepalive_seconds: int = whole(
        "KEEPALIVE_SECONDS",
        75,
        (0, 3600),
        "How long a connection waits for its next request; 0: it is closed after each. It has to "
        "be more than what a load balancer in front waits (AWS 60, Google Cloud 600).",
        unit="seconds",
    )
    json_keepalive_seconds: float = seconds(
        "JSON_KEEPALIVE_SECONDS",
        0,
        (0, 3600),
        "After so long without an answer, POST /api/chat begins to answer with white space, and "
        "goes on with it as often, so that no proxy takes the connection for dead. A failure that "
        "comes later has the status 200 (Documentation/streaming.md). 0: off.",
    )
