"""The secret of the tokens: made in development, demanded in production, and never shown."""

import stat
from pathlib import Path

import pytest
from subjects.loaded_settings import SECRET, load, mistakes

from services.settings.whole import InvalidSettings


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


def test_secrets_do_not_show_where_settings_are_printed(tmp_path: Path) -> None:
    settings = load(tmp_path, JWT_SECRET_KEY=SECRET, OPENAI_API_KEY="sk-hush")

    assert SECRET not in repr(settings)
    assert "sk-hush" not in repr(settings)
