"""Times as the functions of the database give them."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

Time = Annotated[datetime, msgspec.Meta(tz=True)]


def utc(time: datetime) -> datetime:
    """Give the same instant in UTC: a project's database may have another time zone."""
    return time if time.tzinfo is UTC else time.astimezone(UTC)
