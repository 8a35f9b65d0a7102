"""What users may write, keep and read at once."""

from dataclasses import dataclass

from services.settings import rules
from services.settings.groups.limits import NOTATION
from services.settings.variables import seconds, text, whole

MEBIBYTE = 2**20
GIBIBYTE = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """The bounds of what the database holds for a user, and gives."""

    writes: str = text(
        "RATE_LIMIT_WRITES",
        "300 per minute",
        "Sessions that a user may make, change and delete; messages count against RATE_LIMIT_AI.",
        NOTATION,
        rules.rate_limits,
    )
    max_stored_bytes_per_user: int = whole(
        "MAX_STORED_BYTES_PER_USER",
        GIBIBYTE,
        (0, 1024 * GIBIBYTE),
        "What the sessions and messages of a user may take in the database, each with 512 bytes "
        "beside its texts. Whoever has so much writes on after deleting some; an answer that was "
        "begun is never cut. 0: no bound.",
        unit="bytes",
    )
    max_page_bytes: int = whole(
        "MAX_PAGE_BYTES",
        MEBIBYTE,
        (1024, 100 * MEBIBYTE),
        "The text after which a page of messages or sessions ends early; one item is always in it.",
        unit="bytes",
    )
    search_seconds: float = seconds(
        "SEARCH_SECONDS",
        5,
        (0.1, 60),
        "How long a search in the embedded database may take. In Supabase it is the "
        "statement_timeout of the function search_sessions.",
    )
