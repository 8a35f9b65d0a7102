"""Runs: the two atomic calls of a turn, and the leases that let only one worker write a run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class Replay:
    """What a known Idempotency-Key made: a session, and the run if it began one."""

    session_id: str
    run_id: str | None


class RunStore(ABC):
    """The truth about state, text at the end, money, ownership and epoch of every run."""

    @abstractmethod
    def begin_turn(self, turn: BeginTurn) -> BegunTurn:
        """Begin a turn: all of it or nothing, in one transaction.

        Replays a known key; checks the owner; refuses a busy session; picks the model (request,
        session, default); fits the newest messages into its window, without what a filter refused
        and without blank answers; writes the user message, the assistant placeholder and the run
        (epoch 1, owned by the worker), moves the session's active leaf and `updated_at`, and names
        an untitled session after the message.

        Idempotent by `run_id`: a second call gives the same answer. Raises NotFound (session or
        parent), RunActive, ModelNotAvailable, ContextTooLong, KeyReused, TooManyRequests (too many
        active runs); in these cases nothing was written.
        """

    @abstractmethod
    def find_key(self, user_id: str, key: IdempotencyKey) -> Replay | None:
        """Look a key up; None: not known. Raises KeyReused for another body."""

    @abstractmethod
    def settle_turn(self, settlement: Settlement) -> Settled:
        """End a run exactly once, in one transaction.

        Writes the answer's text, tokens, model and status, one ledger row an attempt, the run's
        state, and the terminal event with its seq; deletes its checkpoints. BEFORE: the run had
        ended already, or was deleted; nothing changed. FENCED: another epoch owns it; nothing
        changed.
        """

    @abstractmethod
    def get(self, user_id: str, run_id: str) -> Run:
        """Read a run with its attempts, in the order of their numbers, or raise NotFound."""

    @abstractmethod
    def latest(self, user_id: str, session_id: str) -> Run | None:
        """Read the newest run of a session, the active run if there is one; None: there is no run.

        Raises NotFound (session).
        """

    @abstractmethod
    def text(self, user_id: str, run_id: str) -> str:
        """Read the answer: the whole text of an ended run, the checkpoints of an active one."""

    @abstractmethod
    def progress(self, user_id: str, run_id: str) -> Piece:
        """Read what the checkpoints of an active run hold: its text, and the seq that it reaches.

        An ended run has no checkpoints: seq 0 and no text. Raises NotFound.
        """

    @abstractmethod
    def request_stop(self, user_id: str, run_id: str, now: datetime) -> Run:
        """Ask the run's owner to stop it; a run that has ended stays as it is.

        Gives the run as `get` does. Raises NotFound.
        """

    @abstractmethod
    def beat(self, worker_id: str, beats: Sequence[RunBeat], now: datetime) -> BeatReply:
        """Raise the worker's counter, store the checkpoints, and tell what concerns the worker.

        Pieces are inserted, never rewritten; a piece that is stored already is ignored. Calls are
        stored if they are more than before. Every worker that owns a run is on record, from its
        first begin, claim or beat on.
        """

    @abstractmethod
    def claim_dead(self, worker_id: str, dead: Sequence[str], limit: int) -> Sequence[ClaimedRun]:
        """Take over active runs of dead workers: owner = `worker_id`, epoch + 1.

        At most `limit` at a time; each is handed to one claimer only.
        """

    @abstractmethod
    def states(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        """Read many runs at once, whoever owns them; deleted runs are missing.

        For a worker that follows them on behalf of readers, whose right to read was checked before.
        """

    @abstractmethod
    def forget_workers(self, worker_ids: Sequence[str]) -> None:
        """Delete workers that own no active run."""

    @abstractmethod
    def purge(self, keys_before: datetime) -> int:
        """Delete idempotency keys made before, and checkpoints of ended runs; return how many.

        Also finishes deletions of sessions that were interrupted.
        """
