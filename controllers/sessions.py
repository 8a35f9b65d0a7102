"""Sessions and their messages."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import gevent
from uuid_utils.compat import uuid7

from controllers.runs import RunsController, TurnRequest
from services.admission.sessions import SessionAdmission
from services.domain.catalog import ModelChoice, Offers, Strategy
from services.domain.errors.conflicts import RunActive
from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Standing
from services.domain.paging import Page
from services.domain.runs import IdempotencyKey
from services.domain.sessions import Message, NewSession, Session, SessionChanges, SessionFilter
from services.domain.users import Caller
from services.stores.base.store import Store

_STOP_WAIT_SECONDS = 5
_STOP_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDraft:
    """What a client wants of a new session."""

    title: str | None
    system_prompt: str | None
    choice: ModelChoice
    metadata: dict[str, object]
    initial_message: str | None = None
    strategy: Strategy | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A new session; `standing` is that of its user, if a run was begun with the session."""

    session: Session
    standing: Standing | None = None


class SessionsController:
    """Makes, reads, changes and deletes sessions."""

    def __init__(
        self,
        store: Store,
        offers: Offers,
        runs: RunsController,
        admission: SessionAdmission | None = None,
    ) -> None:
        """Take the store, the models that may be chosen, and what begins and stops runs.

        Without `admission` nobody is limited.
        """
        self._store = store
        self._offers = offers
        self._runs = runs
        self._admission = admission or SessionAdmission()

    def create(
        self, caller: Caller, draft: SessionDraft, key: IdempotencyKey | None = None
    ) -> Created:
        """Make a session; with an initial message its first run is begun at once.

        A known key gives its session, whatever the caller's limits are.
        """
        new = self.new_session(caller, draft)
        if draft.initial_message is None:
            return Created(self._made(caller, new, key))
        turn = TurnRequest(
            content=draft.initial_message,
            choice=draft.choice,
            strategy=draft.strategy,
        )
        started = self._runs.start(caller, new.id, turn, key, new)
        session = self._store.sessions.get(caller.user_id, started.run.session_id)
        return Created(session, started.standing)

    def _made(self, caller: Caller, new: NewSession, key: IdempotencyKey | None) -> Session:
        try:
            self._admission.take_write(caller.user_id)
        except TooManyRequests:
            replay = self._store.runs.find_key(caller.user_id, key) if key else None
            if replay is None:
                raise
            return self.get(caller, replay.session_id)
        return self._store.sessions.create(new, key)

    def new_session(self, caller: Caller, draft: SessionDraft) -> NewSession:
        """Check a draft and give it an id; raises ModelNotAvailable."""
        if draft.choice:
            self._offers.pick(draft.choice)
        return NewSession(
            id=str(uuid7()),
            user_id=caller.user_id,
            tenant_id=caller.tenant_id,
            created_at=datetime.now(UTC),
            title=draft.title,
            system_prompt=draft.system_prompt,
            choice=draft.choice,
            metadata=draft.metadata,
        )

    def get(self, caller: Caller, session_id: str) -> Session:
        """Read a session."""
        return self._store.sessions.get(caller.user_id, session_id)

    def list(self, caller: Caller, wanted: SessionFilter) -> Page[Session]:
        """List the caller's sessions; of those who search, each one thing at a time."""
        if wanted.query is not None:
            with self._admission.searches.one_of(caller.user_id):
                return self._store.sessions.list(caller.user_id, wanted)
        return self._store.sessions.list(caller.user_id, wanted)

    def change(
        self,
        caller: Caller,
        session_id: str,
        changes: SessionChanges,
        choice: Mapping[str, str | None],
    ) -> Session:
        """Apply the changes of a PATCH; raises ModelNotAvailable.

        `choice` holds `provider` and `model` as far as the client gave them; the rest stays.
        """
        self._admission.take_write(caller.user_id)
        if choice:
            wanted = replace(self.get(caller, session_id).choice, **choice)
            if wanted:
                self._offers.pick(wanted)
            changes = replace(changes, given=changes.given | {"choice"}, choice=wanted)
        return self._store.sessions.change(caller.user_id, session_id, changes, datetime.now(UTC))

    def delete(self, caller: Caller, session_id: str) -> None:
        """Delete a session; an active run is stopped and settled first."""
        self._admission.take_write(caller.user_id)
        deadline = time.monotonic() + _STOP_WAIT_SECONDS
        while True:
            try:
                self._store.sessions.delete(caller.user_id, session_id)
            except RunActive as active:
                if time.monotonic() >= deadline:
                    raise
                self._runs.stop(caller, active.active_run_id)
                gevent.sleep(_STOP_POLL_SECONDS)
            else:
                return

    def messages(
        self,
        caller: Caller,
        session_id: str,
        limit: int,
        cursor: str | None,
        *,
        whole_tree: bool = False,
    ) -> Page[Message]:
        """Page through a session's messages, newest page first."""
        read = self._store.messages.tree if whole_tree else self._store.messages.branch
        return read(caller.user_id, session_id, limit, cursor)
