"""Settings: what is read, what is refused, and how a refusal is told."""

import json
import stat
from pathlib import Path

import pytest
from subjects.loaded_settings import SECRET, load, mistakes

from services.settings.load import load_settings, unused_proxies
from services.settings.whole import InvalidSettings


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
        ("CONTEXT_MESSAGES", "-1"),
        ("CONTEXT_MESSAGES", "1001"),
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
        MAX_CONNECTIONS="100",
        MAX_STREAMS="100",
    )

    assert set(found) == {
        "RETRY_MIN_SECONDS",
        "ACCESS_TOKEN_SECONDS",
        "DEFAULT_PROVIDER",
        "MAX_CONNECTIONS",
    }
    assert "LOCAL_BASE_URL" in found["DEFAULT_PROVIDER"]


def test_connections_have_room_for_all_streams_and_more(tmp_path: Path) -> None:
    assert load(tmp_path, MAX_STREAMS="50").max_connections == 1100
    assert load(tmp_path, MAX_STREAMS="50", MAX_CONNECTIONS="51").max_connections == 51
    assert load(tmp_path).network_share == 0.75
    assert load(tmp_path, RATE_LIMIT_ENABLED="false").network_share == 1


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
    (tmp_path / ".env").write_text("PORT=6001\nHOST=0.0.0.0\nDATA_DIR=from-file\n")
    monkeypatch.setenv("PORT", "6002")

    settings = load_settings(home=tmp_path)

    assert (settings.server.port, settings.server.host) == (6002, "0.0.0.0")  # noqa: S104 - the text of a setting
    assert (tmp_path / "from-file" / "secrets.json").is_file()


def test_a_given_environment_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=6001\n")
    monkeypatch.setenv("PORT", "6002")

    assert load(tmp_path / "data").server.port == 5000


def test_a_body_has_room_for_the_longest_message_however_it_is_escaped(tmp_path: Path) -> None:
    limits = load(tmp_path, MAX_CONTENT_CHARS="1000").limits
    body = json.dumps({"content": "\U0001f600" * 1000, "model": "x" * 200})

    assert len(body) <= limits.max_body_bytes


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "HTTPS_PROXY is set, and not used"),
        ({"http_proxy": "x", "https_proxy": "y"}, "HTTPS_PROXY and HTTP_PROXY are set"),
        ({"ALL_PROXY": "socks5://x", "NO_PROXY": "localhost"}, "ALL_PROXY is set"),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "*"}, None),
    ],
)
def test_a_proxy_that_is_not_used_is_told(environ: dict[str, str], told: str | None) -> None:
    said = unused_proxies(environ)

    assert said is None if told is None else told in (said or "")
