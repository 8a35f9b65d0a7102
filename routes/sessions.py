"""Sessions: the conversations of an account."""

from collections.abc import Mapping
from typing import Any

from flask import Response, make_response

from controllers.sessions import SessionDraft, SessionsController
from routes.hooks.authentication import Guard, current_caller
from routes.hooks.idempotency import HEADER, KEY_FORM, idempotency_key
from routes.hooks.limits import tell
from routes.hooks.pages import NEXT_PAGE, paged
from routes.hooks.turns import TurnReader
from routes.openapi.blueprint import Blueprint, header_doc, problems_doc
from routes.schemas.sessions import (
    PATCH_BYTES,
    SessionDraftSchema,
    SessionPageSchema,
    SessionPatchSchema,
    SessionQuerySchema,
    SessionSchema,
)
from services.domain.catalog import ModelChoice
from services.domain.paging import Page
from services.domain.sessions import Session, SessionChanges, SessionFilter

Body = Mapping[str, Any]


def blueprint(sessions: SessionsController, guard: Guard, turns: TurnReader) -> Blueprint:
    """Build the blueprint."""
    blp = Blueprint("sessions", __name__, description="Conversations")

    @blp.post("/sessions")
    @guard.required
    @header_doc(HEADER, KEY_FORM)
    @blp.arguments(SessionDraftSchema, max_bytes=turns.max_body_bytes)
    @blp.response(201, SessionSchema)
    @problems_doc(409, 429)
    def create_session(body: Body) -> Session:
        """Make a session; with `initial_message` its first run is begun at once."""
        caller = current_caller()
        turns.check_size("initial_message", body["initial_message"] or "")
        draft = SessionDraft(
            title=body["title"],
            system_prompt=body["system_prompt"],
            choice=ModelChoice(body["provider"], body["model"]),
            metadata=body["metadata"],
            initial_message=body["initial_message"],
            strategy=body["strategy"],
        )
        created = sessions.create(caller, draft, idempotency_key(caller))
        tell(created.standing)
        return created.session

    @blp.get("/sessions")
    @guard.required
    @blp.arguments(SessionQuerySchema, location="query")
    @blp.response(200, SessionPageSchema, headers=NEXT_PAGE)
    @problems_doc(429)
    def list_sessions(query: Body) -> Page[Session]:
        """List sessions by their last change, newest first."""
        wanted = SessionFilter(
            limit=query["limit"],
            cursor=query.get("cursor"),
            query=query.get("q"),
            archived=query["archived"],
        )
        return paged(sessions.list(current_caller(), wanted))

    @blp.get("/sessions/<session_id>")
    @guard.required
    @blp.response(200, SessionSchema)
    @problems_doc(404)
    def get_session(session_id: str) -> Session:
        """Read a session; `active_run` is the run to follow, if there is one."""
        return sessions.get(current_caller(), session_id)

    @blp.patch("/sessions/<session_id>")
    @guard.required
    @blp.arguments(SessionPatchSchema, max_bytes=PATCH_BYTES)
    @blp.response(200, SessionSchema)
    @problems_doc(404, 409, 429)
    def update_session(body: Body, session_id: str) -> Session:
        """Rename, archive or otherwise change a session."""
        choice = {name: body[name] for name in ("provider", "model") if name in body}
        return sessions.change(current_caller(), session_id, _changes(body), choice)

    @blp.delete("/sessions/<session_id>")
    @guard.required
    @blp.response(204)
    @problems_doc(404, 409, 429)
    def delete_session(session_id: str) -> Response:
        """Delete a session and its messages; an active run is stopped first."""
        sessions.delete(current_caller(), session_id)
        return make_response("", 204)

    return blp


def _changes(body: Body) -> SessionChanges:
    return SessionChanges(
        given=frozenset(body) - {"provider", "model"},
        title=body.get("title"),
        archived=body.get("archived", False),
        system_prompt=body.get("system_prompt"),
        metadata=body.get("metadata", {}),
    )
