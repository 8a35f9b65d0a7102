"""A server in this process that sends what a test tells it to, and providers that call it."""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from wires.calls import Outcome, ask, provider_of
from wires.server import Wire
from wires.steps import Answer
from wires.subjects import base_url_of, model_of


class TellingWire(Wire):
    """Answers every call with `told`."""

    told: Answer

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        """Give what was told."""
        del path, body
        return self.told

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing where a client has left, as it does in the middle of a broken answer."""


Play = Callable[[str, Answer], tuple[Outcome, int]]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """Play an answer to the provider of a kind: give what it makes of it, and what it ignored."""
    wire = TellingWire(0)
    serving = Thread(target=wire.serve_forever, daemon=True)
    serving.start()
    ignored: list[None] = []
    url = f"http://127.0.0.1:{wire.server_port}"
    providers = {
        kind: provider_of(
            kind,
            base_url_of(kind, url),
            models=(model_of(kind),),
            on_ignored=lambda: ignored.append(None),
        )
        for kind in ("openai", "anthropic", "gemini", "local")
    }

    def played(kind: str, answer: Answer) -> tuple[Outcome, int]:
        wire.told = answer
        ignored.clear()
        return ask(providers[kind], model="plain"), len(ignored)

    yield played
    for provider in providers.values():
        provider.close()
    wire.shutdown()
    serving.join()
    wire.server_close()
