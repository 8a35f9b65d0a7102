"""What a begun turn has left in a store, and that a refused turn has left nothing."""

import pytest

from services.domain.errors.requests import NotFound
from services.domain.runs import BeginTurn
from services.domain.sessions import NewSession, Session
from services.stores.base.store import Store


def contents(store: Store, session: Session | NewSession) -> list[str]:
    """Read the active branch."""
    return [one.content for one in store.messages.branch(session.user_id, session.id, 100).items]


def nothing_was_written(store: Store, before: Session, turn: BeginTurn) -> bool:
    """Tell whether a session is as it was, without a trace of the turn."""
    with pytest.raises(NotFound):
        store.runs.get(turn.user_id, turn.run_id)
    messages = store.messages.tree(before.user_id, before.id, 100).items
    left = {turn.message_id, turn.user_message_id} & {message.id for message in messages}
    return not left and store.sessions.get(before.user_id, before.id) == before
