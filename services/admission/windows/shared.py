"""Limits that are counted in Redis, over all workers and machines."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services.admission.shared_link import SharedLink
from services.admission.windows.local import LocalWindows
from services.domain.limits import Count, Limit, Standing, Windows

SCRIPT = Path(__file__).with_name("windows.lua")
PREFIX = "charla:limit"


class SharedWindows(Windows):
    """Counts in Redis; while it is away each process counts its share of every limit by itself.

    What a process counted in memory meanwhile stays there. When Redis is back, what it kept holds
    again.
    """

    def __init__(self, link: SharedLink) -> None:
        """Count over `link`, which is closed with this."""
        self._link = link
        self._script = link.script(SCRIPT)
        self._local = LocalWindows()

    def look(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("look", subject, limits)

    def take(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("take", subject, limits)

    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("add", subject, limits)

    def close(self) -> None:
        """Close the link."""
        self._link.close()

    def _count(self, verb: str, subject: str, limits: Sequence[Limit]) -> Count:
        keys = [f"{PREFIX}:{subject}:{limit.amount}/{limit.seconds}" for limit in limits]
        numbers = [number for one in limits for number in (one.amount, one.seconds * 1000)]
        answer = self._link.ask(self._script, keys, [verb, *numbers])
        if answer is None:
            return self._count_share(verb, subject, limits)
        fits, *rest = answer
        standings = [
            Standing(limit, max(0, left), milliseconds / 1000)
            for limit, left, milliseconds in zip(limits, rest[::2], rest[1::2], strict=True)
        ]
        return Count(bool(fits), standings)

    def _count_share(self, verb: str, subject: str, limits: Sequence[Limit]) -> Count:
        shares = [replace(one, amount=self._link.share(one.amount)) for one in limits]
        local = {"look": self._local.look, "take": self._local.take, "add": self._local.add}
        counted = local[verb](subject, shares)
        pairs = zip(limits, counted.standings, strict=True)
        return Count(counted.fits, [replace(standing, limit=whole) for whole, standing in pairs])
