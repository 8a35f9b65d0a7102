"""How much callers may ask for."""

from dataclasses import dataclass

from services.domain.limits import ESCAPED_CHAR_BYTES
from services.settings import rules
from services.settings.variables import flag, text, whole

NOTATION = 'limits such as "20 per minute" or "20 per minute; 200 per hour"'

BODY_ROOM_BYTES = 64 * 1024
"""What a body may hold beside the message: a system prompt, metadata, names of fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:  # wide: a field for each variable
    """Limits of callers and of this server."""

    enabled: bool = flag(
        "RATE_LIMIT_ENABLED", "False turns every rate limit off: for load tests.", default=True
    )
    ai: str = text(
        "RATE_LIMIT_AI",
        "20 per minute",
        "Messages that a user may send.",
        NOTATION,
        rules.rate_limits,
    )
    login: str = text(
        "RATE_LIMIT_LOGIN",
        "10 per minute",
        "Logins, and changes of a password, from one address.",
        NOTATION,
        rules.rate_limits,
    )
    failed_account: str = text(
        "RATE_LIMIT_FAILED_ACCOUNT",
        "10 per 10 minutes",
        "Logins to one account that are tried from networks where it was never opened; beyond "
        "that each of them may try once in the same time. A network where it was opened may fail "
        "as often by itself.",
        NOTATION,
        rules.rate_limits,
    )
    failed_network: str = text(
        "RATE_LIMIT_FAILED_NETWORK",
        "30 per 10 minutes",
        "Logins that may fail in one network, whatever the account.",
        NOTATION,
        rules.rate_limits,
    )
    refresh: str = text(
        "RATE_LIMIT_REFRESH",
        "300 per minute",
        "Renewals of logins from one address.",
        NOTATION,
        rules.rate_limits,
    )
    register: str = text(
        "RATE_LIMIT_REGISTER",
        "20 per minute; 200 per hour",
        "Registrations from one address.",
        NOTATION,
        rules.rate_limits,
    )
    max_content_chars: int = whole(
        "MAX_CONTENT_CHARS",
        100_000,
        (1, 10_000_000),
        "The longest message that is taken; a longer one is 413.",
        unit="characters",
    )
    max_streams: int = whole(
        "MAX_STREAMS",
        2000,
        (1, 9000),
        "Open streams that this server takes; a further one is 503. It has to stay under "
        "MAX_CONNECTIONS, so that stop and health still get through.",
    )
    max_readers_per_run: int = whole(
        "MAX_READERS_PER_RUN", 32, (1, 9000), "Readers that may follow one run at once."
    )
    max_readers_per_user: int = whole(
        "MAX_READERS_PER_USER", 64, (1, 9000), "Streams that one user may have open."
    )
    max_active_runs_per_user: int = whole(
        "MAX_ACTIVE_RUNS_PER_USER", 20, (1, 9000), "Answers that one user may have written at once."
    )

    @property
    def max_body_bytes(self) -> int:
        """Give the largest request body that can hold the longest message."""
        return self.max_content_chars * ESCAPED_CHAR_BYTES + BODY_ROOM_BYTES
