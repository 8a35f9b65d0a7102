"""Limits that are counted in Redis, over all workers and machines."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services.admission.shared_link import SharedLink
from services.admission.windows.local import LocalWindows
from services.domain.limits import Count, Entry, Limit, Standing, Windows

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

    def give_back(self, subject: str, limits: Sequence[Limit], entry: Entry) -> Count:
        """Ask Redis once, or nobody: an entry is given back where it was counted."""
        if not entry.is_shared:
            shares = self._shares(limits)
            return _of_whole(limits, self._local.give_back(subject, shares, entry))
        return self._count("give_back", subject, limits, round(entry.at))

    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("add", subject, limits)

    def close(self) -> None:
        """Close the link."""
        self._link.close()

    def _count(self, verb: str, subject: str, limits: Sequence[Limit], *more: int) -> Count:
        keys = [f"{PREFIX}:{subject}:{limit.amount}/{limit.seconds}" for limit in limits]
        numbers = [number for one in limits for number in (one.amount, one.seconds * 1000)]
        answer = self._link.ask(self._script, keys, [verb, *numbers, *more])
        if answer is None:
            return self._count_share(verb, subject, limits)
        fits, counted_at, *rest = answer
        standings = [
            Standing(limit, max(0, left), milliseconds / 1000)
            for limit, left, milliseconds in zip(limits, rest[::2], rest[1::2], strict=True)
        ]
        entry = Entry(counted_at, is_shared=True) if counted_at else None
        return Count(bool(fits), standings, entry)

    def _count_share(self, verb: str, subject: str, limits: Sequence[Limit]) -> Count:
        local = {"take": self._local.take, "add": self._local.add}
        count = local.get(verb, self._local.look)
        return _of_whole(limits, count(subject, self._shares(limits)))

    def _shares(self, limits: Sequence[Limit]) -> Sequence[Limit]:
        return [replace(one, amount=self._link.share(one.amount)) for one in limits]


def _of_whole(limits: Sequence[Limit], counted: Count) -> Count:
    """Tell the standings with a process' shares as those with the limits themselves."""
    pairs = zip(limits, counted.standings, strict=True)
    return replace(counted, standings=[replace(one, limit=whole) for whole, one in pairs])
