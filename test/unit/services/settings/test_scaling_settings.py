"""The settings of more than one worker: Supabase, Redis, and the beat."""

from pathlib import Path

import jwt
import pytest
from subjects.loaded_settings import PROJECT, SECRET, load, mistakes

from services.settings.whole import InvalidSettings


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
    ("url", "fix"),
    [
        ("redis://h:port", "%3A"),
        ("redis://h:70000", "65535"),
        ("redis://:sec/ret@h", "%2F"),
        ("redis://:sec#ret@h", "%23"),
        ("redis://:sec?ret@h", "%3F"),
        ("redis://secret@h", ":password@"),
        ("redis://:secret@", "no host"),
        ("redis://:secret@h one/0", "character"),
        ("redis://::1:6379", "brackets"),
        ("redis://h/abc", "database is a number"),
        ("redis://h?db=x", "database is a number"),
        ("redis://h?ssl_cert_reqs=none", "rediss"),
        ("rediss://h?ssl_cert_reqs=nein", "none, optional or required"),
        ("rediss://h?ssl_cert_reqs=none&foo=bar", "no option foo"),
        ("redis://h?socket_timeout=5", "no option socket_timeout"),
        ("rediss://h?ssl_ca_certs=/no/such/file", "ssl_ca_certs"),
        ("redis://h1,h2", "redis+sentinel"),
        ("redis+sentinel://h1,h2", "name"),
        ("unix://run/redis.sock", "three slashes"),
    ],
)
def test_a_mistake_in_the_url_of_redis_names_its_fix_and_no_password(
    tmp_path: Path, url: str, fix: str
) -> None:
    found = mistakes(tmp_path, REDIS_URL=url, **PROJECT)

    assert list(found) == ["REDIS_URL"]
    assert fix in found["REDIS_URL"]
    assert "sec/ret" not in found["REDIS_URL"]
    assert "secret" not in found["REDIS_URL"]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://:p@ss@h:6379/15",
        "redis://user:p%23%2F%40@[::1]:6380",
        "rediss://user:@h/?ssl_cert_reqs=CERT_NONE&ssl_check_hostname=false",
        "unix:///run/redis.sock?db=2",
        "redis+sentinel://user:p@a:26379,b,[::1]:7/main/3?sentinel_password=x",
        "rediss+sentinel://a/main",
    ],
)
def test_all_forms_of_the_url_of_redis_are_taken(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, REDIS_URL=url, **PROJECT).scaling.redis_url == url


@pytest.mark.parametrize(
    "key", ["sb_publishable_0123456789", jwt.encode({"role": "anon"}, "s" * 32)]
)
def test_a_public_key_is_refused_where_the_secret_one_belongs(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path, **{**PROJECT, "SUPABASE_KEY": key, "REDIS_URL": "redis://localhost"})

    _, line = str(caught.value).splitlines()  # once, and nothing that would only follow from it
    assert "SUPABASE_KEY: This is the project's public key" in line
    assert "secret or service_role key" in line


@pytest.mark.parametrize(
    ("wrong", "more"),
    [
        ({"SUPABASE_URL": "x.supabase.co"}, {"SUPABASE_KEY": "k", "REDIS_URL": "redis://h"}),
        ({"REDIS_URL": "localhost"}, {**PROJECT, "WEB_CONCURRENCY": "4"}),
    ],
)
def test_a_mistake_is_told_once_and_not_what_only_follows_from_it(
    tmp_path: Path, wrong: dict[str, str], more: dict[str, str]
) -> None:
    assert list(mistakes(tmp_path, **more, **wrong)) == list(wrong)


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


def test_anonymous_users_of_supabase_may_call_in_development_unless_set(tmp_path: Path) -> None:
    production = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET, **PROJECT}

    def may(**environ: str) -> bool | None:
        return load(tmp_path, **environ).scaling.supabase_anonymous

    assert (may(**PROJECT), may(**production)) == (True, False)
    assert may(**PROJECT, SUPABASE_ANONYMOUS="false") is False
    assert may(**production, SUPABASE_ANONYMOUS="true") is True


@pytest.mark.parametrize("issuer", ["supabase", "supabase.example.com/auth/v1", "https://a/?x=1"])
def test_an_issuer_that_is_no_address_is_refused(tmp_path: Path, issuer: str) -> None:
    assert list(mistakes(tmp_path, SUPABASE_ISSUER=issuer, **PROJECT)) == ["SUPABASE_ISSUER"]


def test_a_users_token_is_refused_where_the_secret_key_belongs(tmp_path: Path) -> None:
    token = jwt.encode({"role": "authenticated"}, "s" * 32)

    told = mistakes(tmp_path, **{**PROJECT, "SUPABASE_KEY": token})

    assert "'authenticated'" in told["SUPABASE_KEY"]
