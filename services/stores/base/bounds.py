"""How much a store gives, and keeps."""

from dataclasses import dataclass

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of one store.

    A page ends early once it has `page_bytes` of text, and always has an item where there is one.
    A user who keeps `stored_bytes` or more writes nothing new; None: there is no bound. A search
    in the embedded database ends after `search_seconds`; Supabase keeps its own time.
    """

    page_bytes: int = MEBIBYTE
    stored_bytes: int | None = None
    search_seconds: float = 5.0


USUAL = Bounds()
"""What holds where nobody says otherwise."""
