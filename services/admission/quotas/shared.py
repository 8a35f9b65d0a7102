"""Quotas of providers that are counted in Redis, over all workers and machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any, NamedTuple

from services.admission.quotas.base import (
    ABANDONED_SECONDS,
    MIN_WAIT_SECONDS,
    NO_QUOTA,
    WAITING_SECONDS,
    Quota,
    QuotaLeft,
    Quotas,
    Reservation,
    Wait,
)
from services.admission.quotas.local import LocalQuotas
from services.admission.shared_link import SharedLink

SCRIPT = Path(__file__).with_name("quotas.lua")
PREFIX = "charla:quota"
KEYS = ("arrived", "on_way", "tokens", "waiting")

TOGETHER = "shared-"
"""The id of a reservation that Redis knows of begins like this."""

ARRIVED, CANCEL = "arrived", "cancel"


class ReservationOutcome(NamedTuple):
    """What came of a reservation: ARRIVED, CANCEL, or how many tokens it took, as a text."""

    what: str
    reservation_id: str


class SharedQuotas(Quotas):
    """Counts in Redis; while it is away each process counts its share of every quota by itself.

    What a process counted in memory meanwhile stays there. When Redis is back, what it kept holds
    again, after it was told what happened to its reservations meanwhile.
    """

    def __init__(
        self,
        link: SharedLink,
        limits: Mapping[str, Quota],
        window_seconds: float,
        abandoned_seconds: float = ABANDONED_SECONDS,
    ) -> None:
        """Count over `link`, which is closed with this."""
        self.limits = dict(limits)
        self._link = link
        self._script = link.script(SCRIPT)
        self._times = _micro(window_seconds), _micro(abandoned_seconds)
        shares = {provider: self._share(quota) for provider, quota in limits.items()}
        self._alone = LocalQuotas(shares, window_seconds, abandoned_seconds)
        self._worker = token_hex(8)
        self._owed: dict[str, Sequence[ReservationOutcome]] = {}
        self._lock = Lock()
        link.when_back(self._tell_owed)

    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Ask Redis once, if the provider has a quota."""
        quota = self.limits.get(provider, NO_QUOTA)
        if quota == NO_QUOTA:
            return Reservation(provider, token_hex(12), tokens)
        taken = Reservation(provider, TOGETHER + token_hex(12), quota.fitting(tokens))
        holds = 0 if background else _micro(WAITING_SECONDS)
        shortest = _micro(MIN_WAIT_SECONDS)
        answer = self._ask(
            provider,
            "reserve",
            [taken.id, taken.tokens, self._worker, holds, shortest, int(more_wait)],
            if_lost=[ReservationOutcome(CANCEL, taken.id)],
        )
        if answer is None:
            return self._alone.reserve(provider, tokens, background=background, more_wait=more_wait)
        has_room, wait = answer
        return taken if has_room else Wait(wait / 1_000_000)

    def arrived(self, reservation: Reservation) -> None:
        """Tell Redis."""
        if self._is_together(reservation):
            self._tell(reservation, ARRIVED)
        else:
            self._alone.arrived(reservation)

    def correct(self, reservation: Reservation, tokens: int) -> None:
        """Tell Redis, if tokens are limited."""
        if not self._is_together(reservation):
            self._alone.correct(reservation, tokens)
        elif self.limits[reservation.provider].tokens is not None:
            self._tell(reservation, str(max(0, tokens)))

    def cancel(self, reservation: Reservation) -> None:
        """Tell Redis."""
        if self._is_together(reservation):
            self._tell(reservation, CANCEL)
        else:
            self._alone.cancel(reservation)

    def left(self, provider: str) -> QuotaLeft:
        """Ask Redis once, if the provider has a quota."""
        quota = self.limits.get(provider, NO_QUOTA)
        if quota == NO_QUOTA:
            return QuotaLeft(None, None, 0.0)
        answer = self._ask(provider, "look")
        if answer is None:
            return self._alone.left(provider)
        requests, tokens, reset = answer
        return QuotaLeft(
            None if quota.requests is None else max(0, quota.requests - requests),
            None if quota.tokens is None else max(0, quota.tokens - tokens),
            max(0, reset) / 1_000_000,
        )

    def close(self) -> None:
        """Close the link."""
        self._link.close()

    def _share(self, quota: Quota) -> Quota:
        return Quota(
            None if quota.requests is None else self._link.share(quota.requests),
            None if quota.tokens is None else self._link.share(quota.tokens),
        )

    @staticmethod
    def _is_together(reservation: Reservation) -> bool:
        return reservation.id.startswith(TOGETHER)

    def _tell(self, reservation: Reservation, what: str) -> None:
        self._ask(reservation.provider, "tell", outcomes=[ReservationOutcome(what, reservation.id)])

    def _tell_owed(self) -> None:
        for provider in list(self._owed):
            self._ask(provider, "tell")

    def _ask(
        self,
        provider: str,
        verb: str,
        args: Sequence[str | int] = (),
        outcomes: Sequence[ReservationOutcome] = (),
        if_lost: Sequence[ReservationOutcome] = (),
    ) -> Sequence[Any] | None:
        """Ask, after telling what is owed; what could not be told is owed from now on.

        `if_lost` is owed if Redis may have received the question but its answer was lost.
        """
        with self._lock:
            outcomes = [*self._owed.pop(provider, ()), *outcomes]
        quota = self.limits[provider]
        fit = [-1 if one is None else one for one in (quota.requests, quota.tokens)]
        flat = [word for outcome in outcomes for word in outcome]
        keys = [f"{PREFIX}:{provider}:{key}" for key in KEYS]
        was_apart, answer = self._link.is_apart, None
        try:
            answer = self._link.ask(self._script, keys, [verb, *self._times, *fit, *args, *flat])
        finally:  # a greenlet may be killed while it waits
            owed = () if answer is not None else outcomes if was_apart else [*outcomes, *if_lost]
            if owed:
                with self._lock:
                    self._owed[provider] = [*owed, *self._owed.get(provider, ())]
        return answer


def _micro(seconds: float) -> int:
    return round(seconds * 1_000_000)
