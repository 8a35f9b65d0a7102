"""The fields of a chat completion that some servers of the protocol do not take."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from services.providers.fields import Body, Field


class _SystemMessage(Field):
    """The system prompt as a message of its own; without it, the first question begins with it.

    Templates of some models know no such role (Gemma), or count it as one that must alternate.
    """

    __slots__ = ()

    def is_in(self, body: Mapping[str, Any]) -> bool:
        """Tell whether a request begins with a system message, and a question follows."""
        roles = [message["role"] for message in body["messages"][:2]]
        return roles == ["system", "user"]

    def leave_out(self, body: Body, omitted: Collection[str]) -> None:  # noqa: ARG002 - there is no other name for it
        """Put the prompt before the first question."""
        system, first, *rest = body["messages"]
        said, prompt = first["content"], system["content"]
        if isinstance(said, str):
            content: object = f"{prompt}\n\n{said}"
        else:
            content = [{"type": "text", "text": prompt}, *said]
        body["messages"] = [{**first, "content": content}, *rest]


FIELDS = (
    Field("max_tokens", re.compile(r"\bmax_tokens\b"), instead="max_completion_tokens"),
    Field("max_completion_tokens", re.compile(r"\bmax_completion_tokens\b"), instead="max_tokens"),
    Field("stream_options", re.compile(r"\bstream_?options\b|\binclude_usage\b")),
    Field("temperature", re.compile(r"\btemperature\b")),
    Field("reasoning_effort", re.compile(r"\breasoning[_.]?effort\b|\bthink value\b")),
    _SystemMessage(
        "system",
        re.compile(
            r"system[ _-]?(?:role|message|prompt)|roles? .{0,20}system|['\"]system['\"]"
            r"|roles must alternate|only user and assistant roles"
        ),
    ),
)
