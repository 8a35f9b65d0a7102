"""What is compared between rows that were moved from one database to another."""

from collections.abc import Mapping
from typing import NamedTuple


class Digest(NamedTuple):
    """How many rows an owner has, and the MD5 of what they hold."""

    rows: int
    md5: str


Digests = Mapping[str, Digest]
"""Keyed by the owner of the rows."""
