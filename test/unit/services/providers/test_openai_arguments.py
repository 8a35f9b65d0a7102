"""What goes into a request, where no server of ours can see it."""

from dataclasses import replace

import pytest
from provider_calls import provider_of, request_to

from services.providers.config import ProviderConfig
from services.providers.openai import arguments_of

OFFICIAL = ProviderConfig(kind="openai", name="openai", api_key="k")
COMPATIBLE = replace(OFFICIAL, base_url="http://127.0.0.1:1/v1")


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
