"""Which words may be lost: those whose only copies died, and no others.

A word that a client saw was in Redis, or, while Redis was away, in the memory of the worker that
wrote it until the next beat stored it. So it may be lost where that worker died while Redis was
away, or where Redis forgot everything before the run was settled; and then only if it came after
the last beat that the store answered. A Redis that goes away after the death keeps what it has, and
the reaper waits for it.

An end that was told before it was stored is on the disk of its server and in Redis. So it may be
lost where that server died, and Redis was away when the end was kept there, or forgot it later.
"""

from collections.abc import Iterator

from torture.cluster import BEAT_SECONDS
from torture.evidence import Evidence, Transcript
from torture.faults import DEADLY, FORGETTING, REDIS_AWAY, STORE_AWAY, FaultLog
from torture.store import Stored

MARGIN_SECONDS = BEAT_SECONDS + 1.5
"""The time of a beat beside its pace, of the return of what was away, and of busy cores."""


KEPT_SECONDS = 10.0
"""The longest time between keeping an end and telling it: the tries to store it take it."""

DELIVERED_SECONDS = 45.0
"""How long an end may stay in an outbox after it was told: outages follow one another."""


def told_end_may_be_lost(told: float, faults: FaultLog) -> bool:
    """Tell whether both copies of an end that was told but not stored may be gone."""
    return _kept_end_may_be_lost(told - KEPT_SECONDS, told, faults)


def bad_file_may_be(written: float, faults: FaultLog) -> bool:
    """Tell whether an end that was written to an outbox at this time may have come too late."""
    return _kept_end_may_be_lost(written - MARGIN_SECONDS, written + MARGIN_SECONDS, faults)


def _kept_end_may_be_lost(first: float, last: float, faults: FaultLog) -> bool:
    """Tell whether an end that was kept between two times may be lost."""
    delivered = last + DELIVERED_SECONDS
    died = faults.of(DEADLY, first, delivered)
    was_away = faults.of(REDIS_AWAY, first, last)
    forgot = faults.of(FORGETTING, first, delivered)
    return bool(died and (was_away or forgot))


def lost_words(evidence: Evidence, stored: Stored, faults: FaultLog) -> Iterator[str]:
    """Name each run whose stored text lacks words that a reader saw, and must not lack."""
    for run_id, readers in evidence.of_run().items():
        run = stored.runs.get(run_id)
        if run is None:
            continue
        kept = len(stored.messages[run["message_id"]]["content"])
        lost = [at for reader in readers for at, length in reader.pieces if length > kept]
        if lost and not _may_be_lost(min(lost), readers, faults):
            most = max(length for reader in readers for _, length in reader.pieces)
            yield f"{run_id}: {most} characters were seen, {kept} are stored"


def _may_be_lost(lost_since: float, readers: list[Transcript], faults: FaultLog) -> bool:
    sights = [sight.at for reader in readers for visit in reader.visits for sight in visit.sights]
    run_since = min(sights)
    settled = min(
        (reader.terminal.at for reader in readers if reader.terminal), default=max(sights)
    )
    for death in faults.of(DEADLY, run_since, settled):
        saved_until = _saved_until(death.began, faults)
        was_away = faults.of(REDIS_AWAY, saved_until, death.began)
        forgot = faults.of(FORGETTING, saved_until, settled)
        if lost_since >= saved_until and (was_away or forgot):
            return True
    return False


def _saved_until(death: float, faults: FaultLog) -> float:
    """Give the time before which all text is in the checkpoints of a worker that died at `death`.

    Beats during an outage of the store have saved nothing, so that time is before the outage.
    """
    until = death - MARGIN_SECONDS
    while True:
        outages = faults.of(STORE_AWAY, until, death)
        earlier = min((fault.began for fault in outages), default=death) - MARGIN_SECONDS
        if earlier >= until:
            return until
        until = earlier
