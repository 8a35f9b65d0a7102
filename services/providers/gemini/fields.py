"""The fields of a request for content that some models, and servers of the protocol, do not take.

Google names fields in refusals with underlines, or with words.
"""

import re
from collections.abc import Collection

from services.providers.fields import Body, Field

_SETTINGS = "generationConfig"


class _SystemInstruction(Field):
    """The system prompt; without it, the first question begins with it (Gemma knows no other)."""

    __slots__ = ()

    def leave_out(self, body: Body, omitted: Collection[str]) -> None:  # noqa: ARG002 - there is no other name for it
        """Put the prompt before the first question."""
        prompt = body.pop(self.name)["parts"]
        first, *rest = body["contents"]
        body["contents"] = [{**first, "parts": [*prompt, *first["parts"]]}, *rest]


FIELDS = (
    Field("temperature", re.compile(r"\btemperature\b"), (_SETTINGS, "temperature")),
    Field(
        "thinkingLevel",
        re.compile(r"thinking[ _]?level"),
        (_SETTINGS, "thinkingConfig", "thinkingLevel"),
    ),
    Field(
        "thinkingConfig",
        re.compile(r"\bthinking(?:[ _]?config)?\b|include_?thoughts"),
        (_SETTINGS, "thinkingConfig"),
    ),
    _SystemInstruction("systemInstruction", re.compile(r"(?:developer|system)[ _]?instruction")),
)
