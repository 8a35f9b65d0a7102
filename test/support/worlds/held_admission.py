"""Quotas and breakers that may block, as those in Redis do, and remember what they were told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.event import Event
from worlds.played import PlayedProvider, Step
from worlds.run_world import PATIENCE_SECONDS, MakeWorld, RunWorld

from services.admission.breakers.base import BreakerRules, Verdict
from services.admission.breakers.local import LocalBreakers
from services.admission.quotas.base import Quota, Reservation, Wait
from services.admission.quotas.local import LocalQuotas


class Hold:
    """Makes the greenlet that reports `what` wait; `is_reached` is set once a greenlet does."""

    def __init__(self, what: str = "") -> None:
        """Hold up reports of `what`; by default none."""
        self.what = what
        self.is_reached = Event()
        self.lets_go = Event()

    def pass_by(self, what: str) -> None:
        """Wait, if this report is the one to hold up."""
        if what == self.what:
            self.is_reached.set()
            self.lets_go.wait()


class HeldQuotas(LocalQuotas):
    """`on_their_way` are the reservations that have neither arrived nor been cancelled."""

    def __init__(self, hold: Hold, limits: Mapping[str, Quota] | None = None) -> None:
        """Hold up as `hold` says."""
        super().__init__(limits or {}, 60)
        self._hold = hold
        self.on_their_way: set[str] = set()
        self.corrected: dict[str, int] = {}

    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Remember the reservation as on its way."""
        answer = super().reserve(provider, tokens, background=background, more_wait=more_wait)
        if isinstance(answer, Reservation):
            self.on_their_way.add(answer.id)
        return answer

    def arrived(self, reservation: Reservation) -> None:
        """Note that the reservation has arrived."""
        self.on_their_way.discard(reservation.id)
        super().arrived(reservation)
        self._hold.pass_by("arrived")

    def correct(self, reservation: Reservation, tokens: int) -> None:
        """Remember the tokens that were used."""
        self.corrected[reservation.id] = tokens
        super().correct(reservation, tokens)
        self._hold.pass_by("corrected")

    def cancel(self, reservation: Reservation) -> None:
        """Note that the call of the reservation was never made."""
        self.on_their_way.discard(reservation.id)
        super().cancel(reservation)


class HeldBreakers(LocalBreakers):
    """`out` counts the calls that were let in and have not reported; `told` lists the reports."""

    def __init__(self, hold: Hold) -> None:
        """Hold up as `hold` says."""
        super().__init__(BreakerRules())
        self._hold = hold
        self.out: Counter[str] = Counter()
        self.told: list[tuple[str, str]] = []

    def admit(self, provider: str, model: str) -> Verdict:
        """Count a call that is let in."""
        admission = super().admit(provider, model)
        if admission is not Verdict.REFUSED:
            self.out[provider] += 1
        return admission

    def succeeded(self, provider: str, model: str) -> None:
        """Note the report."""
        self._tell(provider, "succeeded")
        super().succeeded(provider, model)

    def failed(self, provider: str, model: str) -> None:
        """Note the report."""
        self._tell(provider, "failed")
        super().failed(provider, model)

    def released(self, provider: str, model: str) -> None:
        """Note the report."""
        self._tell(provider, "released")
        super().released(provider, model)

    def _tell(self, provider: str, what: str) -> None:
        self.out[provider] -= 1
        self.told.append((provider, what))
        self._hold.pass_by(what)


@dataclass(frozen=True)
class HeldPair:
    """A worker that hedges, and what its calls report when they end."""

    world: RunWorld
    hold: Hold
    quotas: HeldQuotas
    breakers: HeldBreakers

    def wait_until_both_told(self) -> None:
        """Wait until the quotas know what each call used."""
        with gevent.Timeout(PATIENCE_SECONDS):
            while len(self.quotas.corrected) < 2:
                gevent.sleep(0.001)


def held_pair(
    make_world: MakeWorld,
    other: PlayedProvider,
    *scripts: Sequence[Step],
    holds: str = "",
    **options: Any,
) -> HeldPair:
    """Make a worker whose second model is asked soon; a report of `holds` is held up."""
    hold = Hold(holds)
    quotas, breakers = HeldQuotas(hold), HeldBreakers(hold)
    world = make_world(
        *scripts, others=[other], hedge_seconds=0.03, quotas=quotas, breakers=breakers, **options
    )
    return HeldPair(world, hold, quotas, breakers)
