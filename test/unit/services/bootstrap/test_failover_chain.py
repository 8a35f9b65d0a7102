"""The chain of failover, as a setting writes it."""

import pytest
from subjects.upstreams import ALL_KEYS, NOBODY, Build

from services.bootstrap.offers import failover_chain
from services.domain.catalog import Model, ModelChoice, Offers
from services.settings.whole import InvalidSettings

MODEL = Model(provider="p", name="m", window=2, max_output=1)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("none", []),
        ("openai", [("openai", None)]),
        ("gemini, anthropic/claude-opus-5-5", [("gemini", None), ("anthropic", "claude-opus-5-5")]),
        ("openai/gpt-5,openai", [("openai", "gpt-5"), ("openai", None)]),
    ],
)
def test_the_chain_of_failover_is_read(
    built: Build, text: str, chain: list[tuple[str, str | None]]
) -> None:
    upstreams = built(**ALL_KEYS, FAILOVER=text)

    found = failover_chain(upstreams.settings, upstreams.offers)
    assert found is not None
    assert list(found) == [ModelChoice(*pair) for pair in chain]


def test_a_model_of_a_failover_may_have_a_slash_in_its_name(built: Build) -> None:
    upstreams = built(OPENAI_BASE_URL=NOBODY, FAILOVER="openai/meta/llama")

    found = failover_chain(upstreams.settings, upstreams.offers)
    assert found == (ModelChoice("openai", "meta/llama"),)


def test_a_local_server_that_is_away_may_take_over_later(built: Build) -> None:
    upstreams = built(OPENAI_API_KEY="k", LOCAL_BASE_URL=NOBODY, FAILOVER="local")

    assert failover_chain(upstreams.settings, upstreams.offers) == (ModelChoice("local"),)


def test_all_wrong_names_are_told_at_once(built: Build) -> None:
    upstreams = built(
        OPENAI_API_KEY="k",
        ANTHROPIC_API_KEY="a",
        FAILOVER="nobody, gemini, openai/nobody-has-it, openai, scripted",
        DEFAULT_MODEL="neither-has-this",
    )

    told = upstreams.refused()
    assert set(told) == {"FAILOVER", "DEFAULT_MODEL"}
    for name in ("'nobody'", "'gemini'", "'nobody-has-it'", "scripted is a demonstration"):
        assert name in told["FAILOVER"]
    offers = Offers([MODEL], MODEL, "p")
    with pytest.raises(InvalidSettings, match="FAILOVER: 'nobody'"):
        failover_chain(upstreams.settings, offers)
