"""Messages of a session."""

from collections.abc import Mapping
from typing import Any

from controllers.sessions import SessionsController
from routes.hooks.authentication import Guard, current_caller
from routes.hooks.pages import NEXT_PAGE, paged
from routes.openapi.blueprint import Blueprint, problems_doc
from routes.schemas.messages import MessagePageSchema, MessageQuerySchema
from services.domain.paging import Page
from services.domain.sessions import Message


def blueprint(sessions: SessionsController, guard: Guard) -> Blueprint:
    """Build the blueprint."""
    blp = Blueprint("messages", __name__, description="Messages")

    @blp.get("/sessions/<session_id>/messages")
    @guard.required
    @blp.arguments(MessageQuerySchema, location="query")
    @blp.response(200, MessagePageSchema, headers=NEXT_PAGE)
    @problems_doc(404)
    def list_messages(query: Mapping[str, Any], session_id: str) -> Page[Message]:
        """Read the active branch, or all branches; the first page holds the newest messages."""
        page = sessions.messages(
            current_caller(),
            session_id,
            query["limit"],
            query.get("cursor"),
            whole_tree=query["tree"],
        )
        return paged(page)

    return blp
