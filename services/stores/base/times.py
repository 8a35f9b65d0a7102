"""Times as text."""

from datetime import UTC, datetime


def time_text(time: datetime) -> str:
    """Write a time in UTC with a fixed width, so that texts sort as times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """Read a time back."""
    return datetime.fromisoformat(text)
