"""The settings of providers: keys, addresses, and the file of models."""

from pathlib import Path

import pytest
from subjects.loaded_settings import load, mistakes

from services.settings.whole import InvalidSettings


@pytest.mark.parametrize(
    ("provider", "needs"),
    [
        ("gemini", ("GOOGLE_AI_API_KEY", "GOOGLE_GEMINI_BASE_URL")),
        ("openai", ("OPENAI_API_KEY", "OPENAI_BASE_URL")),
        ("anthropic", ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")),
        ("local", ("LOCAL_BASE_URL",)),
    ],
)
def test_the_default_provider_needs_its_key_or_another_place(
    tmp_path: Path, provider: str, needs: tuple[str, ...]
) -> None:
    told = mistakes(tmp_path, DEFAULT_PROVIDER=provider)["DEFAULT_PROVIDER"]
    assert told == f"{provider} needs {' or '.join(needs)}."

    for name in needs:
        value = "http://127.0.0.1:1/v1" if name.endswith("URL") else "sk-x"
        load(tmp_path, DEFAULT_PROVIDER=provider, **{name: value})


def test_the_key_of_gemini_has_two_names(tmp_path: Path) -> None:
    both = load(tmp_path, GEMINI_API_KEY="two", GOOGLE_AI_API_KEY="one")

    assert load(tmp_path, GEMINI_API_KEY="two").providers.access["gemini"].api_key == "two"
    assert both.providers.access["gemini"].api_key == "one"


@pytest.mark.parametrize("key", ["sk-\u00fc", "sk\u2013one", "sk two", "sk-a, sk-\u00a0b"])
@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_AI_API_KEY"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(
    tmp_path: Path, name: str, key: str
) -> None:
    told = mistakes(tmp_path, **{name: key})

    assert list(told) == [name]
    assert "a character that no key has" in told[name]
    assert key not in told[name]


def test_several_keys_and_addresses_go_together_or_are_refused(tmp_path: Path) -> None:
    two, three = "http://a/v1,http://b/v1", "k, l, m"

    told = mistakes(tmp_path, OPENAI_API_KEY=three, OPENAI_BASE_URL=two)
    assert list(told) == ["OPENAI_BASE_URL"]
    assert "2 addresses" in told["OPENAI_BASE_URL"]
    assert "3 keys in OPENAI_API_KEY" in told["OPENAI_BASE_URL"]

    providers = load(tmp_path, OPENAI_API_KEY=three, LOCAL_BASE_URL=two).providers
    assert [one.api_key for one in providers.endpoints("openai")] == ["k", "l", "m"]
    urls = [one.base_url for one in providers.endpoints("local")]
    assert urls == ["http://a/v1", "http://b/v1"]
    assert providers.endpoints("gemini") == ()


def test_a_file_of_models_is_checked_with_everything_else(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("models:\n- {provider: openai, name: gpt-4.1, tier: huge, sees: yes}\n")

    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path, MODELS_FILE=str(file), PORT="x")

    way_out = "Expected: the path of a YAML file as in Documentation/models.md."
    assert str(caught.value).splitlines()[1:] == [
        f"  MODELS_FILE: models.yaml, line 2: sees: 'yes' is not true or false. {way_out}",
        f"  MODELS_FILE: models.yaml, line 2: tier: 'huge' is not one of small, large. {way_out}",
        "  PORT: Not a valid integer. Expected: a whole number from 1 to 65535.",
    ]


def test_a_file_of_models_that_is_not_there_is_refused(tmp_path: Path) -> None:
    told = mistakes(tmp_path, MODELS_FILE=str(tmp_path / "none.yaml"))

    assert told == {"MODELS_FILE": "none.yaml: It cannot be read: No such file or directory."}
