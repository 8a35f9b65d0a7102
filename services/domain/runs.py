"""A run: one answer to one turn, from begin to settle; `Documentation/runs.md` tells its life."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.domain.catalog import Model, ModelChoice, Offers
from services.domain.costs import Cost, Price, Usage
from services.domain.events import Attempt, Start, Terminal
from services.domain.sessions import FinishReason, MessageRole, MessageStatus, NewSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:  # wide: a stored run, field by field
    """The stored state of a run.

    `epoch` counts its owners; only the owner of the present epoch may write. `terminal` and its
    place in the log (`terminal_epoch`, `terminal_seq`) are set once the run is settled.
    `attempts` are its provider calls: they are known once the run is settled, and only where a
    store's `get` or `request_stop` read the run.
    """

    id: str
    session_id: str
    user_id: str
    message_id: str
    user_message_id: str
    epoch: int
    status: MessageStatus
    provider: str
    model: str
    created_at: datetime
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    ended_at: datetime | None = None
    terminal: Terminal | None = None
    terminal_epoch: int | None = None
    terminal_seq: int | None = None
    attempts: Sequence["AttemptRecord"] = ()

    @property
    def is_active(self) -> bool:
        """Tell whether the run still writes."""
        return self.status is MessageStatus.STREAMING

    @property
    def start_event(self) -> Start:
        """Give the first event of the run's log."""
        return Start(
            session_id=self.session_id,
            run_id=self.id,
            message_id=self.message_id,
            user_message_id=self.user_message_id,
            provider=self.provider,
            model=self.model,
            created_at=self.created_at,
        )


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's promise that two requests with this key are the same request.

    `key_hash` covers user, method, path and key; `body_hash` the canonical body.
    """

    key_hash: str
    body_hash: str


class ParentRule(StrEnum):
    """Where the new user message is attached to the tree of messages."""

    ACTIVE_LEAF = "active_leaf"
    ROOT = "root"
    GIVEN = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginTurn:  # wide: one call that a store takes whole
    """Everything that `begin_turn` needs.

    The caller makes the ids, so that it can repeat a call whose reply was lost. With `new_session`
    the session is made in the same transaction and `session_id` is its id. `max_tokens` is what the
    window keeps free for the answer. `context_messages` are the stored messages that a model may
    see, the new one among them; 0: as many as the window holds. `max_active_runs` None: no cap.
    """

    run_id: str
    user_message_id: str
    message_id: str
    session_id: str
    user_id: str
    tenant_id: str
    worker_id: str
    content: str
    token_estimate: int
    choice: ModelChoice
    offers: Offers
    max_tokens: int
    context_messages: int
    created_at: datetime
    new_session: NewSession | None = None
    parent: ParentRule = ParentRule.ACTIVE_LEAF
    parent_id: str | None = None
    key: IdempotencyKey | None = None
    max_active_runs: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a message: PNG, JPEG, GIF or WebP, as `media_type` says."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ContextMessage:
    """A message as a provider gets it; it has `images` only for a model that takes them."""

    role: MessageRole
    content: str
    token_estimate: int = 0
    images: tuple[Image, ...] = ()

    @property
    def is_blank(self) -> bool:
        """Tell whether there is nothing to see in it: no image, and no text but white space."""
        return not self.images and not self.content.strip()


class ChosenBy(StrEnum):
    """What chose the model of a turn."""

    REQUEST = "request"
    SESSION = "session"
    DEFAULT = "default"

    @classmethod
    def of(cls, request: ModelChoice, session: ModelChoice) -> "ChosenBy":
        """Tell what chose, as `begin_turn` does: the request goes before the session."""
        if request:
            return cls.REQUEST
        return cls.SESSION if session else cls.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunTurn:
    """What `begin_turn` returns; `replayed`: the key was known, and this is its run.

    `context` are the stored messages that the model gets to see, oldest first, the new one last.
    `session_choice` is the session's own, whoever chose.
    """

    run: Run
    model: Model
    chosen_by: ChosenBy = ChosenBy.DEFAULT
    session_choice: ModelChoice = field(default_factory=ModelChoice)
    context: Sequence[ContextMessage] = ()
    system_prompt: str | None = None
    max_tokens: int = 0
    replayed: bool = False


class AttemptOutcome(StrEnum):
    """How one provider call ended."""

    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One provider call of a run, as the ledger books it: unique by (run, number).

    `code` says why the call did not end well: an error's code, or the reason why it was cancelled
    (`stopped`, `hedged`, `interrupted`, `lost`).
    """

    number: int
    provider: str
    model: str
    outcome: AttemptOutcome
    usage: Usage
    cost: Cost | None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:  # wide: one call that a store takes whole
    """How a run ends: everything that `settle_turn` writes, all or nothing.

    `epoch` is that of the owner that settles. `told_epoch` is the epoch under which readers were
    told the terminal event, where an earlier owner told it; None: the same as `epoch`. `provider`
    and `model` wrote the text; None: those of the begin. `token_count` is the number of tokens in
    the text; None: estimate it.
    """

    run_id: str
    epoch: int
    status: MessageStatus
    text: str
    terminal: Terminal
    terminal_seq: int
    ended_at: datetime
    token_count: int | None = None
    finish_reason: FinishReason | None = None
    attempts: Sequence[AttemptRecord] = ()
    told_epoch: int | None = None
    provider: str | None = None
    model: str | None = None


class Settled(StrEnum):
    """What `settle_turn` did.

    NOW: it settled the run. BEFORE: the run had ended. FENCED: another epoch owns the run.
    """

    NOW = "now"
    BEFORE = "before"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that a run produced since its last checkpoint; `seq` is the log's top at that time."""

    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class RunBeat:
    """What a worker's beat says of one of its runs; `piece` None: there is no new text.

    `calls` are all provider calls of the run so far.
    """

    run_id: str
    epoch: int
    piece: Piece | None = None
    calls: Sequence[Attempt] = ()


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that no worker writes any more: what its checkpoints hold, for its owner to settle it.

    `calls` are the provider calls that a beat reported. `input_tokens` is the estimate of what one
    call sent, `price` the model's price at the begin.
    """

    run: Run
    text: str
    top_seq: int
    stop_requested: bool
    calls: Sequence[Attempt] = ()
    input_tokens: int = 0
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class BeatReply:
    """What the store answers to a worker's beat.

    `stop`: runs to stop. `lost`: runs that another worker claimed, or that are settled.
    `unlisted`: active runs that the worker owns and did not list, with what is stored of them.
    `others`: the beat counters of all other workers on record, by their ids.
    """

    stop: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    unlisted: Sequence[ClaimedRun] = ()
    others: Mapping[str, int] = field(default_factory=dict)
