"""The allowance for thinking: who has it, and whence its room comes."""

import pytest
from subjects.upstreams import ALL_KEYS, Build

from services.domain.catalog import Model, Offers
from services.providers.models.catalog import Catalog

KNOWN = [
    model for name in ("gemini", "openai", "anthropic") for model in Catalog.load().models_of(name)
]
SMALL = "{provider: openai, name: small, reasons: true, window: 8000, max_output: 2000}"


def by_name(offers: Offers) -> dict[str, Model]:
    return {model.name: model for model in offers.models}


@pytest.mark.parametrize(("setting", "tokens"), [({}, 4000), ({"REASONING_ALLOWANCE": "0"}, 0)])
def test_a_model_that_thinks_gives_the_allowance_out_of_its_window(
    built: Build, setting: dict[str, str], tokens: int
) -> None:
    offered = by_name(built(**ALL_KEYS, **setting).offers)

    for known in KNOWN:
        model, kept = offered[known.name], tokens if known.reasons else 0
        assert (model.thinking, model.window) == (kept, known.window - kept)
        assert model.max_output == known.max_output


def test_a_small_window_gives_a_quarter(built: Build) -> None:
    path = built.models_file(f"models: [{SMALL}]")

    small = by_name(built(**ALL_KEYS, MODELS_FILE=path).offers)["small"]

    assert (small.thinking, small.window) == (2000, 6000)
