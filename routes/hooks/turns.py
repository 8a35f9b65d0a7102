"""Makes a turn from the body of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controllers.runs import TurnRequest
from services.domain.catalog import ModelChoice
from services.domain.errors.requests import ContentTooLarge
from services.domain.runs import ParentRule


@dataclass(frozen=True, slots=True)
class TurnReader:
    """Reads turns from loaded bodies; `max_body_bytes` hold the longest message."""

    max_content_chars: int
    max_body_bytes: int

    def read(self, body: Mapping[str, Any]) -> TurnRequest:
        """Make a turn, or raise ContentTooLarge."""
        self.check_size("content", body["content"])
        parent = ParentRule.ACTIVE_LEAF
        if "parent_id" in body:
            parent = ParentRule.ROOT if body["parent_id"] is None else ParentRule.GIVEN
        return TurnRequest(
            content=body["content"],
            choice=ModelChoice(body["provider"], body["model"]),
            temperature=body["temperature"],
            max_tokens=body["max_tokens"],
            parent=parent,
            parent_id=body.get("parent_id"),
            strategy=body["strategy"],
            priority=body["priority"],
        )

    def check_size(self, field: str, content: str) -> None:
        """Raise ContentTooLarge, which names the field, if a message is too long."""
        if len(content) > self.max_content_chars:
            text = f"{len(content)} characters; at most {self.max_content_chars} are taken."
            raise ContentTooLarge(text, {field: [text]})
