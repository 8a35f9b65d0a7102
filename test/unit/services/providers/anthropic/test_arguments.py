"""What goes into a request for a message."""

from base64 import b64decode
from dataclasses import replace
from typing import Any, get_args, get_type_hints

import pytest
from wires.calls import provider_of, request_to

from services.domain.catalog import Effort, Model
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.providers.anthropic.provider import arguments_of
from services.providers.base import ProviderRequest
from services.providers.config import ProviderConfig

MODEL = Model(
    provider="anthropic", name="claude", window=9000, max_output=900, max_temperature=1.0, sees=True
)
CONFIG = ProviderConfig(kind="anthropic", name="anthropic", models=(MODEL,))
PICTURE = Image("image/png", b"\x89PNG\0")


def request_for(*messages: ContextMessage, **fields: Any) -> ProviderRequest:
    """Make a request of some messages, else of one."""
    provider = provider_of("anthropic", models=(MODEL,))
    return request_to(provider, messages=messages or [user("Hello")], **fields)


def user(content: str, *images: Image) -> ContextMessage:
    return ContextMessage(MessageRole.USER, content, images=images)


def assistant(content: str) -> ContextMessage:
    return ContextMessage(MessageRole.ASSISTANT, content)


def test_a_plain_request_holds_these_fields_and_no_other() -> None:
    assert arguments_of(CONFIG, request_for(user("Grüße"), max_tokens=77)) == {
        "model": "claude",
        "max_tokens": 77,
        "messages": [{"role": "user", "content": "Grüße"}],
        "temperature": 0.5,
    }


@pytest.mark.parametrize("prompt", [None, ""])
def test_a_prompt_that_says_nothing_is_left_out(prompt: str | None) -> None:
    assert "system" not in arguments_of(CONFIG, request_for(system_prompt=prompt))


@pytest.mark.parametrize(
    ("asked", "most", "sent"), [(0.0, 1.0, 0.0), (1.0, 1.0, 1.0), (1.7, 1.0, 1.0), (1.7, 2.0, 1.7)]
)
def test_a_temperature_is_at_most_what_the_model_takes(
    asked: float, most: float, sent: float
) -> None:
    request = request_for(temperature=asked)
    model = replace(request.model, max_temperature=most)

    assert arguments_of(CONFIG, replace(request, model=model))["temperature"] == sent


def test_a_model_that_takes_no_temperature_gets_none() -> None:
    request = request_for()
    model = replace(request.model, takes_temperature=False)

    assert "temperature" not in arguments_of(CONFIG, replace(request, model=model))


@pytest.mark.parametrize("effort", Effort)
def test_only_a_model_that_reasons_is_told_how_much_and_asked_for_its_thoughts(
    effort: Effort,
) -> None:
    config = replace(CONFIG, effort=effort)
    request = request_for(max_tokens=77)
    model = replace(request.model, reasons=True, takes_temperature=False)

    arguments = arguments_of(config, replace(request, model=model))

    assert arguments["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert arguments["output_config"] == {"effort": effort.value}
    assert arguments["max_tokens"] == 77
    assert not {"thinking", "output_config"} & arguments_of(config, request).keys()


def test_the_sdk_knows_every_effort() -> None:
    from anthropic.types import (  # noqa: PLC0415 - takes a second
        OutputConfigParam,
    )

    (known,) = get_args(get_type_hints(OutputConfigParam)["effort"])[:1]

    assert set(Effort) <= set(get_args(known))


def test_pictures_come_before_the_text_of_their_message() -> None:
    request = request_for(user("What is this?", PICTURE, replace(PICTURE, media_type="image/gif")))

    first, second, text = arguments_of(CONFIG, request)["messages"][0]["content"]

    assert b64decode(first["source"].pop("data")) == PICTURE.data
    assert first == {"type": "image", "source": {"type": "base64", "media_type": "image/png"}}
    assert second["source"]["media_type"] == "image/gif"
    assert text == {"type": "text", "text": "What is this?"}


def test_a_picture_without_a_text_is_sent_alone() -> None:
    (message,) = arguments_of(CONFIG, request_for(user("", PICTURE)))["messages"]

    assert [block["type"] for block in message["content"]] == ["image"]
