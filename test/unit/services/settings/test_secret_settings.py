"""The secret of the tokens: made in development, demanded in production, and never shown."""

import errno
import json
import os
import re
import secrets
import stat
import string
import uuid
from pathlib import Path

import jwt
import pytest
from source_tree import ROOT
from subjects.loaded_settings import PROJECT, SECRET, load, mistakes

from services.settings.safety import weak_secrets
from services.settings.weak_secrets import PUBLISHED_SIGNING_SECRETS
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


def test_a_disk_that_takes_no_secret_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dump", full)

    assert "No space left on device" in mistakes(tmp_path)["JWT_SECRET_KEY"]
    assert list(tmp_path.iterdir()) == []


def test_a_given_secret_wins_and_no_file_is_made(tmp_path: Path) -> None:
    assert load(tmp_path, JWT_SECRET_KEY=SECRET).accounts.jwt_secret_key == SECRET
    assert list(tmp_path.iterdir()) == []


def test_production_wants_a_secret(tmp_path: Path) -> None:
    assert list(mistakes(tmp_path, APP_ENV="production")) == ["JWT_SECRET_KEY"]
    assert list(tmp_path.iterdir()) == []


WEAK = [
    "change-me",
    "Change Me",
    "secret",
    "dev",
    "your-secret-key",
    "secretsecretsecretsecretsecretsecret",
    "dev-secret-dev-secret-dev-secret-dev",
    "0123456789abcdefghijklmnopqrst",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba9876543210",
    "a" * 64,
    "abcabcabcabcabcabcabcabcabcabcabcabc",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "aabbccddeeffgghhiijjkkllmmnnooppqq",
    "11112222333344445555666677778888",
    "deadbeefdeadbeefdeadbeefdeadbeef",
    "changeme12345678901234567890123456",
    "your-256-bit-secret-your-256-bit-secret",
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "a-string-secret-at-least-256-bits-long",
    "openssl rand -base64 48",
    "<the output of openssl rand -base64 48>",
    "correct horse battery staple correct horse",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "Zb9/0yEdrVv2nq8x+Hk4sT1mWc7uGp",
]
STRONG = {
    "hex": lambda: secrets.token_hex(16),
    "base64": lambda: secrets.token_urlsafe(24),
    "digits": lambda: "".join(secrets.choice(string.digits) for _ in range(40)),
    "signs": lambda: "".join(secrets.choice(string.punctuation) for _ in range(32)),
    "uuid": lambda: str(uuid.uuid4()),
}


@pytest.mark.parametrize("name", ["JWT_SECRET_KEY", "METRICS_TOKEN", "SUPABASE_JWT_SECRET"])
def test_production_refuses_a_weak_secret_and_does_not_repeat_it(tmp_path: Path, name: str) -> None:
    for secret in WEAK:
        if name == "METRICS_TOKEN" and " " in secret:
            continue  # refused for the space already
        given = {**PROJECT, "APP_ENV": "production", "JWT_SECRET_KEY": SECRET, name: secret}

        with pytest.raises(InvalidSettings) as caught:
            load(tmp_path, **given)

        (line,) = [line for line in str(caught.value).splitlines() if name in line]
        assert f"'{secret}'" not in line


def test_what_is_refused_in_production_is_only_told_in_development(tmp_path: Path) -> None:
    told = {
        secret: [found.variable for found in weak_secrets(load(tmp_path, JWT_SECRET_KEY=secret))]
        for secret in WEAK
    }

    assert told == {secret: ["JWT_SECRET_KEY"] for secret in WEAK}
    assert list(weak_secrets(load(tmp_path))) == []


@pytest.mark.parametrize("kind", STRONG)
def test_a_random_secret_is_taken_in_whatever_alphabet(tmp_path: Path, kind: str) -> None:
    for _ in range(40):
        load(tmp_path, APP_ENV="production", JWT_SECRET_KEY=STRONG[kind]())


@pytest.mark.parametrize(
    "key",
    [
        jwt.encode({"role": "service_role"}, PUBLISHED_SIGNING_SECRETS[0]),
        jwt.encode({"role": "service_role", "iss": "supabase"}, PUBLISHED_SIGNING_SECRETS[1]),
        jwt.encode({"role": "service_role", "iss": "supabase-demo"}, SECRET),
    ],
)
def test_a_project_with_the_secrets_of_the_guides_is_refused_in_production(
    tmp_path: Path, key: str
) -> None:
    given = {**PROJECT, "SUPABASE_KEY": key}
    safe = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}

    assert list(mistakes(tmp_path, **given, **safe)) == ["SUPABASE_KEY"]
    assert [found.variable for found in weak_secrets(load(tmp_path, **given))] == ["SUPABASE_KEY"]
    own = jwt.encode({"role": "service_role", "iss": "supabase"}, SECRET)
    load(tmp_path, **{**PROJECT, "SUPABASE_KEY": own}, **safe)


def test_no_example_of_the_documents_is_a_secret(tmp_path: Path) -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("Documentation/**/*.md"), ROOT / "docker-compose.yml"]
    shown = {
        value
        for page in [*pages, ROOT / ".env.example"]
        for value in re.findall(r"(?:SECRET|TOKEN|_KEY)=[\"']?([^\s\"'`,;)]+)", page.read_text())
    }

    assert len(shown) >= 2
    for value in shown:
        assert mistakes(tmp_path, APP_ENV="production", JWT_SECRET_KEY=value)["JWT_SECRET_KEY"]


def test_the_token_of_the_monitoring_is_no_other_secret(tmp_path: Path) -> None:
    same = {"METRICS_TOKEN": SECRET, "JWT_SECRET_KEY": SECRET}

    assert list(mistakes(tmp_path, **same)) == ["METRICS_TOKEN"]


@pytest.mark.parametrize("token", ["two words", "é" * 32, "a\tb"])
def test_a_token_that_no_header_can_carry_is_refused(tmp_path: Path, token: str) -> None:
    assert list(mistakes(tmp_path, METRICS_TOKEN=token)) == ["METRICS_TOKEN"]


def test_secrets_do_not_show_where_settings_are_printed(tmp_path: Path) -> None:
    settings = load(tmp_path, JWT_SECRET_KEY=SECRET, OPENAI_API_KEY="sk-hush")

    assert SECRET not in repr(settings)
    assert "sk-hush" not in repr(settings)
