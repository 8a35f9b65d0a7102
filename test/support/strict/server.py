"""A wire server that is as strict about conversations as vendors and chat templates are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from threading import Thread
from typing import Any

from wires.sent_requests import READERS
from wires.server import CALLS, FORMATS, Wire
from wires.steps import Answer

Conversation = Sequence[tuple[str, str]]
"""What a model is told: pairs of a role and a text."""

ROLES: Mapping[str, str] = {
    "openai": "Conversation roles must alternate user/assistant/user/assistant/...",
    "anthropic": 'messages: roles must alternate between "user" and "assistant"',
    "gemini": "Please ensure that multiturn requests alternate between user and model.",
}
TEXTS: Mapping[str, str] = {
    "openai": "Message content must not be empty.",
    "anthropic": "messages: text content blocks must contain non-whitespace text",
    "gemini": "Unable to submit request because it must have a text parameter.",
}


class StrictWire(Wire):
    """Speaks all formats, and answers each turn by its script whatever the model is called.

    `script` are scenarios of `wires/server.py` for the calls of a turn, one after the other; the
    last one is for all that follow. `told` are the conversations that were well formed, and
    `complaints` the refusals of all others, with what was wrong with them.
    """

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(0)
        self.script: Sequence[str] = ("plain",)
        self.told: list[Conversation] = []
        self.complaints: list[tuple[str, Conversation]] = []

    def play(self, script: Sequence[str]) -> None:
        """Begin a turn with this script."""
        self.script = script
        self.told.clear()

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        """Refuse what is malformed, else play the script."""
        spoken = next((name for name, pattern in CALLS if pattern.search(path)), None)
        if spoken is None:
            return super().answer(path, body)
        conversation = READERS[spoken](body).messages
        complaint = complaint_about(spoken, conversation)
        if complaint is not None:
            self.complaints.append((complaint, conversation))
            return FORMATS[spoken].refuse(complaint, 400, None)
        self.told.append(conversation)
        return self._play(FORMATS[spoken], self.script[min(len(self.told), len(self.script)) - 1])


def complaint_about(spoken: str, conversation: Conversation) -> str | None:
    """Say why a strict server refuses a conversation; None: it is well formed."""
    roles = [role for role, _ in conversation]
    if not roles or not roles[0] == roles[-1] == "user":
        return ROLES[spoken]
    if any(role == following for role, following in pairwise(roles)):
        return ROLES[spoken]
    if any(not text.strip() for _, text in conversation):
        return TEXTS[spoken]
    return None


@contextmanager
def strict_wire() -> Iterator[StrictWire]:
    """Run a strict server in this process."""
    with StrictWire() as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
