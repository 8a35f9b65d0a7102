"""`begin_turn` in Supabase: what is sent, and what the reply means."""

from typing import NamedTuple, NoReturn

import msgspec

from services.domain.catalog import Model, ModelChoice, Offers
from services.domain.context import fit_context
from services.domain.errors.conflicts import RunActive
from services.domain.runs import BeginTurn, BegunTurn, ChosenBy, ContextMessage
from services.domain.sessions import MessageRole, title_from
from services.stores.base import refusals
from services.stores.base.ids import is_uuid
from services.stores.supabase.run_rows import RunRow
from services.stores.supabase.sessions import session_json


class EarlierRow(msgspec.Struct, array_like=True):
    """A message of the context, which is an array in the reply."""

    role: MessageRole
    content: str
    token_estimate: int

    def message(self) -> ContextMessage:
        """Give the message."""
        return ContextMessage(self.role, self.content, self.token_estimate)


class BeginReply(msgspec.Struct):
    """What `begin_turn` answers: the begun turn, or why there is none (`refused`)."""

    run: RunRow | None = None
    model: Model | None = None
    history: list[EarlierRow] = []
    system_prompt: str | None = None
    max_tokens: int = 0
    replayed: bool = False
    refused: str | None = None
    active_run_id: str = ""
    active_runs: int = 0
    session_provider: str | None = None
    session_model: str | None = None


class _Encoded(NamedTuple):
    offers: Offers
    json: msgspec.Raw


class OffersJson:
    """The offers as they are sent: encoded once, as nearly every turn has the same ones."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._encoded: _Encoded | None = None

    def of(self, offers: Offers) -> msgspec.Raw:
        """Give the JSON of offers."""
        if self._encoded is None or self._encoded.offers is not offers:
            self._encoded = _Encoded(offers, msgspec.Raw(msgspec.json.encode(offers)))
        return self._encoded.json


def turn_json(
    turn: BeginTurn, offers: msgspec.Raw, most_stored: int | None = None
) -> dict[str, object]:
    """Describe a turn, or raise NotFound if no session can have such an id."""
    if not (is_uuid(turn.user_id) and is_uuid(turn.session_id)):
        raise refusals.no_session()
    parent_id = turn.parent_id if turn.parent_id and is_uuid(turn.parent_id) else None
    return {
        "run_id": turn.run_id,
        "user_message_id": turn.user_message_id,
        "message_id": turn.message_id,
        "session_id": turn.session_id,
        "user_id": turn.user_id,
        "tenant_id": turn.tenant_id,
        "worker_id": turn.worker_id,
        "content": turn.content,
        "token_estimate": turn.token_estimate,
        "title": title_from(turn.content),
        "chosen": bool(turn.choice),
        "provider": turn.choice.provider,
        "model": turn.choice.model,
        "offers": offers,
        "max_tokens": turn.max_tokens,
        "context_messages": turn.context_messages,
        "created_at": turn.created_at,
        "new_session": session_json(turn.new_session) if turn.new_session else None,
        "parent_rule": turn.parent,
        "parent_id": parent_id,
        "key_hash": turn.key.key_hash if turn.key else None,
        "body_hash": turn.key.body_hash if turn.key else None,
        "max_active_runs": turn.max_active_runs,
        "max_stored_bytes": most_stored,
    }


def begun_turn(turn: BeginTurn, reply: BeginReply) -> BegunTurn:
    """Read what was begun, or raise the reason why nothing was."""
    if reply.run is None or reply.model is None:
        _raise_refusal(turn, reply)
    message = ContextMessage(MessageRole.USER, turn.content, turn.token_estimate)
    history = tuple(earlier.message() for earlier in reply.history)
    return BegunTurn(
        run=reply.run.run(),
        model=reply.model,
        chosen_by=ChosenBy.of(turn.choice, _choice_of_session(reply)),
        session_choice=_choice_of_session(reply),
        context=() if reply.replayed else (*history, message),
        system_prompt=reply.system_prompt,
        max_tokens=reply.max_tokens,
        replayed=reply.replayed,
    )


def _choice_of_session(reply: BeginReply) -> ModelChoice:
    return ModelChoice(reply.session_provider, reply.session_model)


def _raise_refusal(turn: BeginTurn, reply: BeginReply) -> NoReturn:
    match reply.refused:
        case "run_active":
            raise RunActive(reply.active_run_id)
        case "too_many_runs":
            raise refusals.too_many_runs(reply.active_runs)
        case "storage_full":
            raise refusals.storage_full()
        case "key_reused":
            raise refusals.key_reused()
        case "key_without_run":
            raise refusals.key_without_run()
        case "model_not_available" | "context_too_long":
            _raise_as_the_domain(turn, reply)
        case "parent_not_found":
            raise refusals.no_parent()
        case "parent_is_no_answer":
            raise refusals.parent_is_no_answer()
        case _:
            raise refusals.no_session()


def _raise_as_the_domain(turn: BeginTurn, reply: BeginReply) -> NoReturn:
    """Have the domain's rule refuse what it refused in the database: only it has the sentence."""
    if reply.model is None:
        turn.offers.pick(turn.choice or _choice_of_session(reply))
    else:
        message = ContextMessage(MessageRole.USER, turn.content, turn.token_estimate)
        fit_context((), message, reply.system_prompt, reply.model, reply.max_tokens)
    raise AssertionError(f"The database says {reply.refused!r} where the domain's rule does not.")
