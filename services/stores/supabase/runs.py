"""Runs in Supabase: each promise of the contract is one call of a function."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.json import Decoder

from services.domain.runs import (
    BeatReply,
    BeginTurn,
    BegunTurn,
    ClaimedRun,
    IdempotencyKey,
    Piece,
    Run,
    RunBeat,
    Settled,
    Settlement,
)
from services.stores.base import refusals
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.ids import is_uuid
from services.stores.base.runs import Replay, RunStore
from services.stores.supabase import deletions
from services.stores.supabase.access.connection import NOTHING, Connection
from services.stores.supabase.live_logins import LiveLogins
from services.stores.supabase.purge import in_chunks
from services.stores.supabase.run_rows import RunRow
from services.stores.supabase.turns.begin import BeginReply, OffersJson, begun_turn, turn_json
from services.stores.supabase.turns.leases import BeatRow, ClaimedRow, beat_reply, beats_json
from services.stores.supabase.turns.ledger import BookedRunRow
from services.stores.supabase.turns.settle import settlement_json

Result = TypeVar("Result")


class _Key(msgspec.Struct):
    body_hash: str
    session_id: str
    run_id: str | None


class _Latest(msgspec.Struct):
    run: RunRow | None


_BEGUN: Decoder[BeginReply] = Decoder(BeginReply)
_KEY: Decoder[_Key | None] = Decoder(_Key | None)
_SETTLED: Decoder[Settled] = Decoder(Settled)
_BOOKED_RUN: Decoder[BookedRunRow | None] = Decoder(BookedRunRow | None)
_RUNS: Decoder[list[RunRow]] = Decoder(list[RunRow])
_LATEST: Decoder[_Latest | None] = Decoder(_Latest | None)
_TEXT: Decoder[str | None] = Decoder(str | None)
_PIECE: Decoder[Piece | None] = Decoder(Piece | None)
_BEAT: Decoder[BeatRow] = Decoder(BeatRow)
_CLAIMED: Decoder[list[ClaimedRow]] = Decoder(list[ClaimedRow])


class SupabaseRuns(RunStore):
    """A turn is two calls. Settles, beats and claims go over the reserved connections."""

    def __init__(
        self,
        connection: Connection,
        live: LiveLogins,
        revocation_window_seconds: float,
        bounds: Bounds = USUAL,
    ) -> None:
        """Work on a project that has the migrations; a beat forgets logins that were revoked."""
        self._bounds = bounds
        self._connection = connection
        self._live = live
        self._window_seconds = revocation_window_seconds
        self._revoked_since: str | None = None
        self._offers = OffersJson()

    def begin_turn(self, turn: BeginTurn) -> BegunTurn:
        """Begin a turn."""
        asked = turn_json(turn, self._offers.of(turn.offers), self._bounds.stored_bytes)
        return begun_turn(turn, self._connection.ask("begin_turn", asked, _BEGUN))

    def find_key(self, user_id: str, key: IdempotencyKey) -> Replay | None:
        """Look a key up."""
        if not is_uuid(user_id):
            return None
        asked = {"p_user": user_id, "p_key_hash": key.key_hash}
        found = self._connection.ask("find_key", asked, _KEY)
        if found is None:
            return None
        if found.body_hash != key.body_hash:
            raise refusals.key_reused()
        return Replay(found.session_id, found.run_id)

    def settle_turn(self, settlement: Settlement) -> Settled:
        """End a run."""
        if not is_uuid(settlement.run_id):
            return Settled.BEFORE
        asked = settlement_json(settlement)
        return self._connection.ask("settle_turn", asked, _SETTLED, reserved=True)

    def get(self, user_id: str, run_id: str) -> Run:
        """Read the row, and the calls that are booked for it."""
        return self._owned("get_run", user_id, run_id, _BOOKED_RUN).booked_run()

    def latest(self, user_id: str, session_id: str) -> Run | None:
        """Read the newest row; an active run is always the newest of its session."""
        latest = None
        if is_uuid(user_id) and is_uuid(session_id):
            asked = {"p_user": user_id, "p_session": session_id}
            latest = self._connection.ask("latest_run", asked, _LATEST)
        if latest is None:
            raise refusals.no_session()
        return None if latest.run is None else latest.run.run()

    def text(self, user_id: str, run_id: str) -> str:
        """Read the message of an ended run, the checkpoints of an active one."""
        return self._owned("run_text", user_id, run_id, _TEXT)

    def progress(self, user_id: str, run_id: str) -> Piece:
        """Put the checkpoints together; those of an ended run were deleted."""
        return self._owned("run_progress", user_id, run_id, _PIECE)

    def request_stop(self, user_id: str, run_id: str, now: datetime) -> Run:
        """Mark an active run; the time of the first request stays."""
        asked = {"p_now": now}
        return self._owned("request_stop", user_id, run_id, _BOOKED_RUN, **asked).booked_run()

    def beat(self, worker_id: str, beats: Sequence[RunBeat], now: datetime) -> BeatReply:
        """Count a beat of a worker, and forget the logins that were revoked since the last beat."""
        asked = {
            "worker_id": worker_id,
            "beats": beats_json(beats),
            "now": now,
            "revoked_since": self._revoked_since,
            "revocation_window_seconds": self._window_seconds,
        }
        row = self._connection.ask("beat", asked, _BEAT, reserved=True)
        self._live.forget(row.revoked or ())
        self._revoked_since = row.now
        return beat_reply(beats, row)

    def claim_dead(self, worker_id: str, dead: Sequence[str], limit: int) -> Sequence[ClaimedRun]:
        """Take runs over."""
        asked = {"p_worker": worker_id, "p_dead": list(dead), "p_limit": limit}
        rows = self._connection.ask("claim_dead", asked, _CLAIMED, reserved=True)
        return [row.claimed() for row in rows]

    def states(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        """Read the rows."""
        asked = [run_id for run_id in run_ids if is_uuid(run_id)]
        if not asked:
            return {}
        rows = self._connection.ask("run_states", {"p_runs": asked}, _RUNS)
        return {row.id: row.run() for row in rows}

    def forget_workers(self, worker_ids: Sequence[str]) -> None:
        """Delete workers."""
        self._connection.ask("forget_workers", {"p_workers": list(worker_ids)}, NOTHING)

    def purge(self, keys_before: datetime) -> int:
        """Delete chunk by chunk."""
        purged = in_chunks(self._connection, "purge_keys", {"p_before": keys_before})
        purged += in_chunks(self._connection, "purge_checkpoints", {})
        return purged + deletions.finish_all(self._connection)

    def _owned(
        self,
        function: str,
        user_id: str,
        run_id: str,
        reply: Decoder[Result | None],
        **asked: object,
    ) -> Result:
        found = None
        if is_uuid(user_id) and is_uuid(run_id):
            asked |= {"p_user": user_id, "p_run": run_id}
            found = self._connection.ask(function, asked, reply)
        if found is None:
            raise refusals.no_run()
        return found
