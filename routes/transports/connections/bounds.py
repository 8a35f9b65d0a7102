"""What a connection may cost; each has a setting, but those that nobody needs to change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long a client may keep the server waiting, and how many connections there may be.

    Each byte of a body or an answer buys a client time, at `bytes_per_second`; the seconds are what
    it has beside that. `places` are all connections of the worker; a network that is alone may hold
    the part `network_share` of them, and of the `unsent_bytes` that clients have yet to take.
    """

    head_seconds: float = 10
    body_seconds: float = 30
    send_seconds: float = 20
    bytes_per_second: float = 500
    places: int = 4000
    unsent_bytes: int = 256 * 1024 * 1024
    network_share: float = 1


MAX_HEAD_BYTES = 32 * 1024
"""As much as nginx takes. gunicorn's own bound is 800 KB, which thousands could hold at once."""

KEPT_BODY_BYTES = 64 * 1024
"""So much of a body that nobody read is passed over; for more, the connection is closed."""

LINGER_SECONDS = 5.0
LINGER_BYTES = 16 * 1024 * 1024
"""How long, and how much, a client is heard out after an early answer: closing at once would reset
the connection, and clients that are still sending would lose the answer."""
