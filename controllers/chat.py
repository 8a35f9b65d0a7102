"""The blocking form of a turn, in a new session where the request names none."""

from controllers.runs import RunsController, Started, TurnRequest
from controllers.sessions import SessionDraft, SessionsController
from services.domain.catalog import ModelChoice
from services.domain.runs import IdempotencyKey
from services.domain.users import Caller


class ChatController:
    """Begins turns for callers that wait for the whole answer."""

    def __init__(self, sessions: SessionsController, runs: RunsController) -> None:
        """Take the controllers that make sessions and begin runs."""
        self._sessions = sessions
        self._runs = runs

    def ask(
        self,
        caller: Caller,
        session_id: str | None,
        turn: TurnRequest,
        key: IdempotencyKey | None,
    ) -> Started:
        """Begin a turn in the named session, or in a new session that is made with the turn."""
        if session_id is not None:
            return self._runs.start(caller, session_id, turn, key)
        draft = SessionDraft(title=None, system_prompt=None, choice=ModelChoice(), metadata={})
        new = self._sessions.new_session(caller, draft)
        return self._runs.start(caller, new.id, turn, key, new)
