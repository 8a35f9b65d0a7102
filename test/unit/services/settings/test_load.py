"""Settings: what is read, what is refused, and how a refusal is told."""

import json
import stat
from pathlib import Path

import jwt
import pytest

from services.settings.load import load_settings
from services.settings.whole import InvalidSettings, Settings

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


def load(folder: Path, **environ: str) -> Settings:
    return load_settings({"DATA_DIR": str(folder), **environ})


def mistakes(folder: Path, **environ: str) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as caught:
        load(folder, **environ)
    return {name: " ".join(texts) for name, texts in caught.value.mistakes.items()}


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert settings.server.port == 5000
    assert settings.server.host == "127.0.0.1"
    assert settings.server.graceful_timeout == 30
    assert settings.logs.format == "console"
    assert settings.limits.ai == "20 per minute"
    assert settings.providers.default_temperature == 0.7
    assert settings.providers.context_messages == 10
    assert not settings.server.is_production


def test_all_mistakes_are_told_at_once_with_name_problem_and_way_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path, PORT="x", LOG_LEVEL="loud", RATE_LIMIT_AI="5 a week")

    limits = '"20 per minute" or "20 per minute; 200 per hour"'
    assert str(caught.value).splitlines() == [
        "The settings are not valid:",
        "  LOG_LEVEL: Unknown: loud. Expected: one of debug, info, warning, error.",
        "  PORT: Not a valid integer. Expected: a whole number from 1 to 65535.",
        f"  RATE_LIMIT_AI: '5 a week' is not a rate limit. Expected: limits such as {limits}.",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "5e3"),
        ("CONTEXT_MESSAGES", "1.5"),
        ("DEFAULT_TEMPERATURE", "nan"),
        ("DEFAULT_TEMPERATURE", "2.1"),
        ("RUN_TIMEOUT_SECONDS", "inf"),
        ("PING_SECONDS", "16"),
        ("GRACEFUL_TIMEOUT", "0"),
        ("MAX_STREAMS", "-1"),
        ("RATE_LIMIT_ENABLED", "perhaps"),
        ("RATE_LIMIT_LOGIN", "0 per minute"),
        ("APP_ENV", "staging"),
        ("DEFAULT_PROVIDER", "nobody"),
        ("OPENAI_BASE_URL", "api.example.com/v1"),
        ("OPENAI_BASE_URL", "ftp://example.com"),
        ("OPENAI_BASE_URL", "http://"),
        ("OPENAI_BASE_URL", "http://host:99999"),
        ("LOCAL_BASE_URL", "http://user:secret@localhost/v1"),
        ("LOCAL_BASE_URL", "http://localhost/v1?key=1"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("CORS_ORIGINS", "https://example.com/"),
        ("CORS_ORIGINS", "example.com"),
        ("CORS_ORIGINS", "https://a.example,,https://b.example"),
        ("WEB_CONCURRENCY", "2"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "auto"),
        ("REDIS_URL", "redis://localhost"),
    ],
)
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, name: str, value: str) -> None:
    assert list(mistakes(tmp_path, **{name: value})) == [name]


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    settings = load(tmp_path, PORT="", OPENAI_API_KEY=" ", REDIS_URL="", CORS_ORIGINS="")

    assert settings.server.port == 5000
    assert settings.providers.access["openai"].api_key is None


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        RETRY_MIN_SECONDS="9",
        RETRY_MAX_SECONDS="8",
        ACCESS_TOKEN_SECONDS="60",
        REFRESH_TOKEN_SECONDS="30",
        DEFAULT_PROVIDER="local",
    )

    assert set(found) == {"RETRY_MIN_SECONDS", "ACCESS_TOKEN_SECONDS", "DEFAULT_PROVIDER"}
    assert "LOCAL_BASE_URL" in found["DEFAULT_PROVIDER"]


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


PROJECT = {"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "sb_secret_0123456789"}


def test_several_workers_without_redis_are_refused_with_the_reason(tmp_path: Path) -> None:
    assert "REDIS_URL" in mistakes(tmp_path, WEB_CONCURRENCY="4")["WEB_CONCURRENCY"]
    assert "REDIS_URL" in mistakes(tmp_path, WEB_CONCURRENCY="4", **PROJECT)["WEB_CONCURRENCY"]

    load(tmp_path, WEB_CONCURRENCY="4", REDIS_URL="redis://localhost", **PROJECT)


def test_half_of_what_supabase_needs_is_refused_by_the_name_of_the_other_half(
    tmp_path: Path,
) -> None:
    for given, missing in (("SUPABASE_URL", "SUPABASE_KEY"), ("SUPABASE_KEY", "SUPABASE_URL")):
        assert list(mistakes(tmp_path, **{given: PROJECT[given]})) == [missing]


def test_redis_without_a_shared_database_is_refused(tmp_path: Path) -> None:
    found = mistakes(tmp_path, REDIS_URL="redis://localhost")

    assert "SUPABASE_URL" in found["REDIS_URL"]


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://", "redis://h:0"])
def test_what_is_no_redis_is_refused(tmp_path: Path, url: str) -> None:
    assert list(mistakes(tmp_path, REDIS_URL=url, **PROJECT)) == ["REDIS_URL"]


@pytest.mark.parametrize(
    "key", ["sb_publishable_0123456789", jwt.encode({"role": "anon"}, "s" * 32)]
)
def test_a_public_key_is_refused_where_the_secret_one_belongs(tmp_path: Path, key: str) -> None:
    assert list(mistakes(tmp_path, **{**PROJECT, "SUPABASE_KEY": key})) == ["SUPABASE_KEY"]


def test_our_tokens_and_those_of_supabase_need_different_secrets(tmp_path: Path) -> None:
    same = {"JWT_SECRET_KEY": "s" * 40, "SUPABASE_JWT_SECRET": "s" * 40}

    assert list(mistakes(tmp_path, **same, **PROJECT)) == ["JWT_SECRET_KEY"]


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, 0.5),
        (PROJECT, 1),
        ({**PROJECT, "REDIS_URL": "redis://h"}, 5),
        ({"BEAT_SECONDS": "2"}, 2),
    ],
)
def test_the_pace_of_the_beat_follows_from_where_the_text_is(
    tmp_path: Path, more: dict[str, str], seconds: float
) -> None:
    assert load(tmp_path, **more).beat_seconds == seconds


def test_development_makes_its_secret_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = load(tmp_path).accounts.jwt_secret_key
    second = load(tmp_path).accounts.jwt_secret_key

    file = tmp_path / "secrets.json"
    assert first == second
    assert len(first) >= 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert load(tmp_path / "other").accounts.jwt_secret_key != first


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"jwt_secret_key": 5}', "\xff"])
def test_a_broken_secrets_file_is_told_and_not_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content, encoding="latin-1")

    assert "delete it" in mistakes(tmp_path)["JWT_SECRET_KEY"]
    assert file.read_text(encoding="latin-1") == content


def test_a_given_secret_wins_and_no_file_is_made(tmp_path: Path) -> None:
    assert load(tmp_path, JWT_SECRET_KEY=SECRET).accounts.jwt_secret_key == SECRET
    assert list(tmp_path.iterdir()) == []


def test_production_wants_a_secret(tmp_path: Path) -> None:
    assert list(mistakes(tmp_path, APP_ENV="production")) == ["JWT_SECRET_KEY"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "secret",
    [
        "change-me",
        "Change Me",
        "secret",
        "dev",
        "your-secret-key",
        "secretsecretsecretsecretsecretsecret",
        "dev-secret-dev-secret-dev-secret-dev",
        "0123456789abcdefghijklmnopqrst",
        "a" * 64,
    ],
)
def test_production_refuses_a_weak_secret_and_does_not_repeat_it(
    tmp_path: Path, secret: str
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path, APP_ENV="production", JWT_SECRET_KEY=secret)

    (line,) = [line for line in str(caught.value).splitlines() if "JWT_SECRET_KEY" in line]
    assert f"'{secret}'" not in line


def test_production_opens_to_no_browser_unless_named(tmp_path: Path) -> None:
    safe = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}

    assert load(tmp_path, **safe).server.cors_origins == ()
    assert load(tmp_path, **safe).logs.format == "json"
    assert list(mistakes(tmp_path, **safe, CORS_ORIGINS="null")) == ["CORS_ORIGINS"]


def test_origins_are_a_list(tmp_path: Path) -> None:
    settings = load(tmp_path, CORS_ORIGINS="https://a.example, http://localhost:*,null")

    assert settings.server.cors_origins == ("https://a.example", "http://localhost:*", "null")


def test_a_data_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    load(tmp_path / "a" / "b")

    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    assert "cannot be written to" in mistakes(file)["DATA_DIR"]
    assert "cannot be written to" in mistakes(file / "below")["DATA_DIR"]


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=6001\nHOST=0.0.0.0\nDATA_DIR=from-file\n")
    monkeypatch.setenv("PORT", "6002")

    settings = load_settings()

    assert (settings.server.port, settings.server.host) == (6002, "0.0.0.0")  # noqa: S104 - the text of a setting
    assert (tmp_path / "from-file" / "secrets.json").is_file()


def test_a_given_environment_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=6001\n")
    monkeypatch.setenv("PORT", "6002")

    assert load(tmp_path / "data").server.port == 5000


def test_secrets_do_not_show_where_settings_are_printed(tmp_path: Path) -> None:
    settings = load(tmp_path, JWT_SECRET_KEY=SECRET, OPENAI_API_KEY="sk-hush")

    assert SECRET not in repr(settings)
    assert "sk-hush" not in repr(settings)


def test_a_body_has_room_for_the_longest_message_however_it_is_escaped(tmp_path: Path) -> None:
    limits = load(tmp_path, MAX_CONTENT_CHARS="1000").limits
    body = json.dumps({"content": "\U0001f600" * 1000, "model": "x" * 200})

    assert len(body) <= limits.max_body_bytes
