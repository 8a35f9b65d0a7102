"""Beats and claims in Supabase: what is sent, and what the reply means."""

from collections.abc import Sequence

import msgspec

from services.domain.costs import Price
from services.domain.events import Attempt
from services.domain.runs import BeatReply, ClaimedRun, RunBeat
from services.stores.base.calls import known_calls
from services.stores.base.ids import is_uuid
from services.stores.supabase.run_rows import RunRow


class ClaimedRow(msgspec.Struct):
    """A run with what its checkpoints hold."""

    run: RunRow
    text: str
    top_seq: int
    attempt: int
    calls: list[Attempt] | None
    stop_requested: bool
    input_tokens: int
    price: Price | None

    def claimed(self) -> ClaimedRun:
        """Give the claim."""
        run = self.run.run()
        return ClaimedRun(
            run=run,
            text=self.text,
            top_seq=self.top_seq,
            calls=known_calls(self.calls, self.attempt, run, self.price),
            stop_requested=self.stop_requested,
            input_tokens=self.input_tokens,
            price=self.price,
        )


class BeatRow(msgspec.Struct):
    """What `beat` answers; `revoked` are logins, `now` is the database's time."""

    stop: list[str] | None
    lost: list[str] | None
    unlisted: list[ClaimedRow] | None
    others: dict[str, int] | None
    revoked: list[str] | None
    now: str


def beats_json(beats: Sequence[RunBeat]) -> list[dict[str, object]]:
    """Describe the runs that the worker writes; an id that is not a UUID belongs to no run."""
    return [_beat_json(beat) for beat in beats if is_uuid(beat.run_id)]


def beat_reply(beats: Sequence[RunBeat], row: BeatRow) -> BeatReply:
    """Read the reply to a beat."""
    no_runs = {beat.run_id for beat in beats if not is_uuid(beat.run_id)}
    return BeatReply(
        stop=frozenset(row.stop or ()),
        lost=frozenset(row.lost or ()) | no_runs,
        unlisted=tuple(one.claimed() for one in row.unlisted or ()),
        others=row.others or {},
    )


def _beat_json(beat: RunBeat) -> dict[str, object]:
    told: dict[str, object] = {
        "run_id": beat.run_id,
        "epoch": beat.epoch,
        "attempt": len(beat.calls),
        "calls": beat.calls,
    }
    if beat.piece is not None:
        told |= {"seq": beat.piece.seq, "text": beat.piece.text}
    return told
