"""`begin_turn` in SQLite: everything inside one transaction of the caller's."""

import sqlite3
from dataclasses import dataclass

from services.domain.catalog import Model
from services.domain.context import (
    MESSAGE_OVERHEAD_TOKENS,
    fit_context,
    most_earlier,
    room_for_history,
)
from services.domain.costs import estimate_tokens
from services.domain.errors.conflicts import RunActive
from services.domain.runs import BeginTurn, BegunTurn, ChosenBy, ContextMessage, ParentRule
from services.domain.sessions import MessageRole, MessageStatus, Session, title_from
from services.stores.base import refusals
from services.stores.base.ids import is_uuid
from services.stores.base.runs import Replay
from services.stores.base.times import time_text
from services.stores.sqlite import sessions, storage
from services.stores.sqlite.run_rows import model_of, offer_text, run_of
from services.stores.sqlite.search import fold
from services.stores.sqlite.turns import keys

# Depth, count and tokens are bounded inside the recursion: the cost depends on the context, not on
# the session. `counts` are the messages that the model may see, `kept` and `used` their number and
# their tokens below a row. What a filter refused leaves with its answer: the question, and those
# before it that nobody had answered, for the model saw them as one.
_HISTORY = """
WITH RECURSIVE walk (depth, id, parent_id, size, refused, counts, kept, used) AS (
  SELECT 0, NULL, :parent_id, 0, 0, 0, 0, 0
  UNION ALL
  SELECT walk.depth + 1, m.id, m.parent_id, m.token_estimate + :overhead,
    m.finish_reason IS 'content_filter'
      OR walk.refused AND (m.role = 'user' OR trim(m.content, :blanks) = ''),
    trim(m.content, :blanks) <> '' AND m.finish_reason IS NOT 'content_filter'
      AND NOT (walk.refused AND m.role = 'user'),
    walk.kept + walk.counts, walk.used + walk.counts * walk.size
  FROM walk JOIN messages AS m ON m.id = walk.parent_id
  WHERE walk.depth < :depth AND walk.kept + walk.counts < :bound
    AND walk.used + walk.counts * walk.size <= :room
)
SELECT m.role, m.content, m.token_estimate
FROM walk CROSS JOIN messages AS m ON m.id = walk.id
WHERE walk.counts
ORDER BY walk.depth DESC
"""

_WALKED_FOR_ONE = 4
"""Messages looked at for each in the context: blank and filtered answers do not count."""

_MESSAGE = """
INSERT INTO messages (id, session_id, user_id, parent_id, role, content, status, provider, model,
  token_estimate, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_RUN = """
INSERT INTO runs (id, session_id, user_id, tenant_id, message_id, user_message_id, worker_id, epoch,
  status, provider, model, offer, max_tokens, input_tokens, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, 'streaming', ?, ?, ?, ?, ?, ?)
RETURNING *
"""


@dataclass(frozen=True, slots=True)
class _Room:
    """The model's window, of which room for the answer's tokens stays free."""

    model: Model
    max_tokens: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was decided before anything is written."""

    parent_id: str | None
    model: Model
    chosen_by: ChosenBy
    max_tokens: int
    context: tuple[ContextMessage, ...]
    system_prompt: str | None

    @property
    def input_tokens(self) -> int:
        """Estimate the input tokens of one call."""
        prompt = estimate_tokens(self.system_prompt) if self.system_prompt else 0
        return prompt + sum(message.token_estimate for message in self.context)


def begin(
    connection: sqlite3.Connection, turn: BeginTurn, most_stored: int | None = None
) -> BegunTurn:
    """Begin the turn, or give the answer that was given before."""
    before = _begun_before(connection, turn) or _replayed(connection, turn)
    if before is not None:
        return before
    # Asked before the new session counts, told after what refuses a turn whatever is kept.
    kept = None if most_stored is None else storage.kept_by(connection, turn.user_id)
    if turn.new_session is not None:
        sessions.insert(connection, turn.new_session)
    row = sessions.owned(connection, turn.user_id, turn.session_id)
    if row["active_run"] is not None:
        raise RunActive(row["active_run"])
    parent_id = _parent(connection, turn, row["active_leaf"])
    session = sessions.session_of(row)
    plan = _plan(connection, turn, session, parent_id)
    _check_active_runs(connection, turn)
    storage.check_room(connection, turn.user_id, most_stored, kept)
    run = _write(connection, turn, plan)
    return BegunTurn(
        run=run_of(run),
        model=plan.model,
        chosen_by=plan.chosen_by,
        session_choice=session.choice,
        context=plan.context,
        system_prompt=plan.system_prompt,
        max_tokens=plan.max_tokens,
    )


def _begun_before(connection: sqlite3.Connection, turn: BeginTurn) -> BegunTurn | None:
    """Give the answer again if this very run was begun and the reply was lost."""
    run = connection.execute("SELECT * FROM runs WHERE id = ?", (turn.run_id,)).fetchone()
    if run is None:
        return None
    session = sessions.owned(connection, turn.user_id, run["session_id"])
    parent = connection.execute(
        "SELECT parent_id FROM messages WHERE id = ?", (run["user_message_id"],)
    ).fetchone()
    model, prompt = model_of(run), session["system_prompt"]
    choice = sessions.session_of(session).choice
    room = _Room(model, run["max_tokens"])
    context = _context(connection, turn, parent["parent_id"], prompt, room)
    return BegunTurn(
        run=run_of(run),
        model=model,
        chosen_by=ChosenBy.of(turn.choice, choice),
        session_choice=choice,
        context=context,
        system_prompt=prompt,
        max_tokens=run["max_tokens"],
    )


def _replayed(connection: sqlite3.Connection, turn: BeginTurn) -> BegunTurn | None:
    """Give the run that the key made; a key never makes a second one."""
    known = keys.find(connection, turn.user_id, turn.key) if turn.key else None
    if known is None:
        return None
    run = connection.execute("SELECT * FROM runs WHERE id = ?", (known.run_id,)).fetchone()
    if run is None:
        raise refusals.key_without_run()
    return BegunTurn(
        run=run_of(run), model=model_of(run), max_tokens=run["max_tokens"], replayed=True
    )


def _parent(connection: sqlite3.Connection, turn: BeginTurn, active_leaf: str | None) -> str | None:
    if turn.parent is ParentRule.ROOT:
        return None
    if turn.parent is ParentRule.ACTIVE_LEAF:
        return active_leaf
    row = None
    if turn.parent_id is not None and is_uuid(turn.parent_id):
        row = connection.execute(
            "SELECT role FROM messages WHERE id = ? AND session_id = ?",
            (turn.parent_id, turn.session_id),
        ).fetchone()
    if row is None:
        raise refusals.no_parent()
    if row["role"] != MessageRole.ASSISTANT:
        raise refusals.parent_is_no_answer()
    return turn.parent_id


def _plan(
    connection: sqlite3.Connection, turn: BeginTurn, session: Session, parent_id: str | None
) -> _Plan:
    model = turn.offers.pick(turn.choice or session.choice)
    max_tokens = min(turn.max_tokens, model.max_output)
    prompt = session.system_prompt
    context = _context(connection, turn, parent_id, prompt, _Room(model, max_tokens))
    chosen_by = ChosenBy.of(turn.choice, session.choice)
    return _Plan(parent_id, model, chosen_by, max_tokens, context, prompt)


def _context(
    connection: sqlite3.Connection,
    turn: BeginTurn,
    parent_id: str | None,
    system_prompt: str | None,
    room: _Room,
) -> tuple[ContextMessage, ...]:
    message = ContextMessage(MessageRole.USER, turn.content, turn.token_estimate)
    left = room_for_history(message, system_prompt, room.model, room.max_tokens)
    bound = most_earlier(turn.context_messages, left)
    asked = {
        "parent_id": parent_id,
        "bound": bound,
        "depth": _WALKED_FOR_ONE * (bound + 1),
        "room": left,
        "overhead": MESSAGE_OVERHEAD_TOKENS,
        "blanks": " \t\n\r",
    }
    history = [
        ContextMessage(MessageRole(row["role"]), row["content"], row["token_estimate"])
        for row in connection.execute(_HISTORY, asked)
    ]
    return fit_context(history, message, system_prompt, room.model, room.max_tokens)


def _check_active_runs(connection: sqlite3.Connection, turn: BeginTurn) -> None:
    if turn.max_active_runs is None:
        return
    row = connection.execute(
        "SELECT count(*) AS active FROM runs WHERE user_id = ? AND status = 'streaming'",
        (turn.user_id,),
    ).fetchone()
    if row["active"] >= turn.max_active_runs:
        raise refusals.too_many_runs(row["active"])


def _write(connection: sqlite3.Connection, turn: BeginTurn, plan: _Plan) -> sqlite3.Row:
    now = time_text(turn.created_at)
    owner, model = (turn.session_id, turn.user_id), (plan.model.provider, plan.model.name)
    question = (
        MessageRole.USER,
        turn.content,
        MessageStatus.COMPLETE,
        None,
        None,
        turn.token_estimate,
    )
    answer = (MessageRole.ASSISTANT, "", MessageStatus.STREAMING, *model, 0)
    connection.execute(_MESSAGE, (turn.user_message_id, *owner, plan.parent_id, *question, now))
    connection.execute(_MESSAGE, (turn.message_id, *owner, turn.user_message_id, *answer, now))
    ids = (turn.run_id, *owner, turn.tenant_id, turn.message_id, turn.user_message_id)
    offer = (*model, offer_text(plan.model), plan.max_tokens, plan.input_tokens)
    run: sqlite3.Row = connection.execute(_RUN, (*ids, turn.worker_id, *offer, now)).fetchone()
    _move_session(connection, turn, now)
    connection.execute(
        "INSERT INTO workers (id, seen_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        (turn.worker_id, now),
    )
    if turn.key:
        made = Replay(turn.session_id, turn.run_id)
        keys.remember(connection, turn.user_id, turn.key, made, turn.created_at)
    return run


def _move_session(connection: sqlite3.Connection, turn: BeginTurn, now: str) -> None:
    title = title_from(turn.content)
    connection.execute(
        "UPDATE sessions SET active_leaf = ?, updated_at = ?,"
        " title_folded = CASE WHEN title IS NULL THEN ? ELSE title_folded END,"
        " title = coalesce(title, ?) WHERE id = ?",
        (turn.message_id, now, fold(title), title, turn.session_id),
    )
