"""What goes into a request, as far as no server of ours can see it."""

from dataclasses import replace
from typing import get_args

import pytest
from wires.calls import known_models, provider_of, request_to

from services.domain.catalog import Effort
from services.providers.base import ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.openai.provider import arguments_of

OFFICIAL = ProviderConfig(kind="openai", name="openai", api_key="k")
COMPATIBLE = replace(OFFICIAL, base_url="http://127.0.0.1:1/v1")
LISTED = replace(OFFICIAL, models=known_models().models_of("openai"))


@pytest.mark.parametrize(
    ("config", "limit", "other"),
    [
        (OFFICIAL, "max_completion_tokens", "max_tokens"),
        (COMPATIBLE, "max_tokens", "max_completion_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_server_knows(
    config: ProviderConfig, limit: str, other: str
) -> None:
    arguments = arguments_of(config, request_to(provider_of("openai"), max_tokens=77))

    assert arguments[limit] == 77
    assert other not in arguments


def test_only_a_model_that_reasons_is_asked_without_a_temperature() -> None:
    provider = provider_of("openai")

    for model in provider.models:
        request = replace(request_to(provider), model=model)
        assert ("temperature" in arguments_of(OFFICIAL, request)) is not model.reasons


def request_of(name: str, *, reasons: bool = True) -> ProviderRequest:
    """Make a request to a model of some name."""
    request = request_to(provider_of("openai"), max_tokens=77)
    return replace(request, model=replace(request.model, name=name, reasons=reasons))


@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:1/v1"])
def test_a_listed_model_that_reasons_is_told_how_much(effort: Effort, base_url: str | None) -> None:
    config = replace(LISTED, effort=effort, base_url=base_url)

    for model in LISTED.models:
        arguments = arguments_of(config, replace(request_to(provider_of("openai")), model=model))
        assert arguments.get("reasoning_effort") == (effort.value if model.reasons else None)


def test_a_name_that_is_not_listed_is_told_nothing_of_effort() -> None:
    unlisted = known_models().unlisted("openai")
    assert unlisted
    config = replace(LISTED, models=(*LISTED.models, replace(unlisted, reasons=True)))

    arguments = arguments_of(config, request_of("gpt-of-somebody"))

    assert "reasoning_effort" not in arguments


def test_a_local_server_is_told_nothing_of_effort() -> None:
    config = replace(LISTED, kind="local", name="local", base_url="http://127.0.0.1:1/v1")

    assert "reasoning_effort" in arguments_of(LISTED, request_of("gpt-6-luna"))
    assert "reasoning_effort" not in arguments_of(config, request_of("gpt-6-luna"))


def test_how_much_it_may_think_leaves_the_limit_as_it_was() -> None:
    for effort in Effort:
        arguments = arguments_of(replace(LISTED, effort=effort), request_of("gpt-6-luna"))
        assert arguments["max_completion_tokens"] == 77


def test_the_sdk_knows_every_effort() -> None:
    from openai.types.shared.reasoning_effort import (  # noqa: PLC0415 - takes a second
        ReasoningEffort,
    )

    known = get_args(get_args(ReasoningEffort)[0])

    assert set(Effort) <= set(known)
