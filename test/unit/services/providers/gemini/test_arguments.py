"""What goes into a request to Gemini, as far as no server of ours can see it."""

from dataclasses import replace
from typing import Any

import pytest
from wires.calls import provider_of, request_to

from services.domain.catalog import Effort, Model
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.providers.config import ProviderConfig
from services.providers.gemini.provider import arguments_of

FLASH = Model(provider="gemini", name="flash", window=1000, max_output=100, max_temperature=1.5)
CONFIG = ProviderConfig(kind="gemini", name="gemini", models=(FLASH,))


def settings_for(model: Model, **fields: Any) -> dict[str, Any]:
    request = request_to(provider_of("gemini", models=(model,)), **fields)
    settings: dict[str, Any] = arguments_of(CONFIG, request)["generationConfig"]
    return settings


def contents_of(*messages: ContextMessage) -> list[dict[str, Any]]:
    seeing = replace(FLASH, sees=True)
    request = request_to(provider_of("gemini", models=(seeing,)), messages=messages)
    contents: list[dict[str, Any]] = arguments_of(CONFIG, request)["contents"]
    return contents


@pytest.mark.parametrize(("wished", "sent"), [(0.0, 0.0), (0.7, 0.7), (2.0, 1.5)])
def test_a_temperature_goes_out_as_far_as_the_model_takes_it(wished: float, sent: float) -> None:
    assert settings_for(FLASH, temperature=wished)["temperature"] == sent


def test_a_model_that_takes_no_temperature_gets_none() -> None:
    assert "temperature" not in settings_for(replace(FLASH, takes_temperature=False))


@pytest.mark.parametrize("reasons", [True, False])
def test_only_a_model_that_reasons_is_asked_for_its_thoughts(*, reasons: bool) -> None:
    settings = settings_for(replace(FLASH, reasons=reasons), max_tokens=77)

    assert settings["maxOutputTokens"] == 77
    thinking = {"includeThoughts": True, "thinkingLevel": "LOW"}
    assert settings.get("thinkingConfig") == (thinking if reasons else None)


@pytest.mark.parametrize("effort", Effort)
def test_the_level_of_thinking_is_a_word_of_the_sdk(effort: Effort) -> None:
    from google.genai.types import (  # noqa: PLC0415 - takes a second
        ThinkingConfig,
        ThinkingLevel,
    )

    request = request_to(provider_of("gemini", models=(replace(FLASH, reasons=True),)))
    sent = arguments_of(replace(CONFIG, effort=effort), request)["generationConfig"]

    read = ThinkingConfig.model_validate(sent["thinkingConfig"])
    assert read == ThinkingConfig(include_thoughts=True, thinking_level=ThinkingLevel[effort.name])


def test_without_a_system_prompt_there_is_no_system_instruction() -> None:
    request = request_to(provider_of("gemini", models=(FLASH,)), system_prompt="")

    assert "systemInstruction" not in arguments_of(CONFIG, request)


def test_images_come_before_the_text_and_need_none() -> None:
    image = Image("image/webp", b"abc")
    data = {"inlineData": {"mimeType": "image/webp", "data": "YWJj"}}

    contents = contents_of(
        ContextMessage(MessageRole.USER, "Look", images=(image, image)),
        ContextMessage(MessageRole.USER, "", images=(image,)),
    )

    assert [c["parts"] for c in contents] == [[data, data, {"text": "Look"}], [data]]
