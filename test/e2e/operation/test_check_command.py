"""`check` says in a line each whether what is configured can be used, and never shows a key."""

import json
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import trustme
from api.shell_commands import run_command
from stack.fixtures import MakeRedis
from stack.server_process import find_free_port
from stack.supabase_stack import SupabaseStack
from wires.fixtures import WireServer
from wires.model_lists import model_lists
from wires.subjects import base_url_of

from services.providers.registry import VENDORS

KEY = "sk-good-0123456789abcdef"
REFUSED_KEY = "sk-refused-0123456789abcdef"
NAMES = list(VENDORS)
TIME = re.compile(r"\(\d+\.\d\d s\)")
LISTED = {"DEFAULT_PROVIDER": "openai", "DEFAULT_MODEL": "plain"}
"""A default that the server of the tests lists."""

QUICK = {"READ_TIMEOUT_SECONDS": "1", "LOG_LEVEL": "debug"}


def check(folder: Path, **settings: str) -> CompletedProcess[str]:
    """Run the command; whatever it finds, it shows no key."""
    ran = run_command(folder, "check", settings={**QUICK, **settings})
    told = ran.stdout + ran.stderr
    assert KEY not in told
    assert REFUSED_KEY not in told
    assert "Traceback" not in told
    return ran


def everywhere(wire: WireServer, key: str) -> Mapping[str, str]:
    """Configure all providers, on one server that stands for all of them."""
    settings = {}
    for name, vendor in VENDORS.items():
        if vendor.key:
            settings[vendor.key.variable] = key
        if vendor.base_url:
            settings[vendor.base_url.variable] = base_url_of(name, wire.url)
    return settings


def lines_of(ran: CompletedProcess[str]) -> dict[str, str]:
    """Give the lines by their subject, without the time that the check took."""
    lines = [TIME.sub("(time)", line) for line in ran.stdout.splitlines()]
    return {re.split(r" +|: ", line, maxsplit=2)[1].rstrip(":"): line for line in lines}


def test_without_settings_only_the_script_can_be_used(tmp_path: Path) -> None:
    ran = check(tmp_path)

    lines = lines_of(ran)
    assert ran.returncode == 0
    assert list(lines) == [*NAMES, "database"]
    assert lines["database"].startswith("-      database: ")
    assert lines["scripted"] == "ok     scripted: usable, 1 model (time)"
    assert lines["gemini"].startswith("-      gemini: not configured (GOOGLE_AI_API_KEY")
    assert [line[0] for line in lines.values()] == ["-"] * len(NAMES[:-1]) + ["o", "-"]


def test_a_proxy_that_is_not_used_is_told_and_is_no_mistake(tmp_path: Path) -> None:
    ran = check(tmp_path, HTTPS_PROXY="http://127.0.0.1:9")

    assert ran.returncode == 0
    assert "warn   HTTPS_PROXY is set, and not used" in ran.stdout


def test_each_provider_that_lists_its_models_can_be_used(tmp_path: Path, wire: WireServer) -> None:
    ran = check(tmp_path, **everywhere(wire, KEY), **LISTED)

    lines = lines_of(ran)
    assert ran.returncode == 0
    assert list(lines) == [*NAMES, "database"]
    for name in NAMES[:-1]:
        assert lines[name] == f"ok     {name}: usable, 2 models (time)"


def test_a_key_that_is_refused_is_told_apart(tmp_path: Path, wire: WireServer) -> None:
    ran = check(tmp_path, **everywhere(wire, REFUSED_KEY))

    lines = lines_of(ran)
    assert ran.returncode == 1
    for name in ("gemini", "openai", "anthropic"):
        assert lines[name].startswith(f"wrong  {name}: refused key. (time)")
    assert "GOOGLE_AI_API_KEY" in lines["gemini"]
    assert lines["local"].startswith("ok ")


def test_a_provider_that_is_not_there_is_unreachable(tmp_path: Path, wire: WireServer) -> None:
    nobody = f"http://127.0.0.1:{find_free_port()}/v1"

    ran = check(tmp_path, **{**everywhere(wire, KEY), "OPENAI_BASE_URL": nobody})

    lines = lines_of(ran)
    assert ran.returncode == 1
    assert lines["openai"].startswith("wrong  openai: unreachable. ")
    assert "OPENAI_BASE_URL" in lines["openai"]
    assert lines["anthropic"].startswith("ok ")


def test_at_the_address_of_another_server_a_provider_is_unreachable(
    tmp_path: Path, supabase: SupabaseStack
) -> None:
    ran = check(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=supabase.url)

    assert ran.returncode == 1
    line = lines_of(ran)["openai"]
    assert line.startswith("wrong  openai: unreachable. ")
    assert "there is nothing at this address" in line


def test_of_several_keys_each_has_a_line(tmp_path: Path, wire: WireServer) -> None:
    twice = {"OPENAI_API_KEY": f"{KEY}, {REFUSED_KEY}", "OPENAI_BASE_URL": wire.base_url}

    ran = check(tmp_path, **twice, **LISTED)

    lines = [line for line in ran.stdout.splitlines() if " openai " in line]
    assert ran.returncode == 1
    assert len(lines) == 2
    assert lines[0].startswith("ok     openai 1 of 2: usable, 2 models")
    assert lines[1].startswith("wrong  openai 2 of 2: refused key.")


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (["gpt-5-nano", "gpt-6-luna-mini"], "wrong  default: openai does not list gpt-6-luna, "),
        ([], "warn   default: openai lists no models"),
        (["gpt-6-luna"], None),
        (["gpt-6-luna-2026-09-22"], None),
    ],
)
def test_a_default_that_its_provider_does_not_list_is_wrong(
    tmp_path: Path, listed: list[str], told: str | None
) -> None:
    with model_lists() as lists:
        lists.body = json.dumps({"data": [{"id": name} for name in listed]}).encode()
        ran = check(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=lists.url)

    last = ran.stdout.splitlines()[-2]  # the database follows
    is_wrong = told is not None and told.startswith("wrong")
    assert ran.returncode == int(is_wrong)
    assert last.startswith(told or "ok     scripted: ")
    assert ("DEFAULT_MODEL" in last) == is_wrong


def test_a_model_that_ends_is_warned_of_and_a_script_that_is_off_is_not_there(
    tmp_path: Path,
) -> None:
    soon = datetime.now(UTC).date() + timedelta(days=30)
    models = tmp_path / "models.yaml"
    models.write_text(
        f"models: [{{provider: openai, name: old, window: 9, max_output: 8, ends: {soon}}}]"
    )
    with model_lists() as lists:
        lists.body = json.dumps({"data": [{"id": "old"}]}).encode()
        ran = check(
            tmp_path,
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=lists.url,
            MODELS_FILE=str(models),
            DEFAULT_MODEL="old",
            SCRIPTED="off",
        )

    lines = ran.stdout.splitlines()
    assert ran.returncode == 0
    assert lines[-2].startswith(f"warn   DEFAULT_MODEL: old of openai ends on {soon}.")
    assert "-      scripted: not configured (SCRIPTED)" in lines


def test_a_local_server_is_asked_once(tmp_path: Path) -> None:
    with model_lists() as lists:
        lists.body = json.dumps({"data": [{"id": "mine"}]}).encode()
        ran = check(tmp_path, LOCAL_BASE_URL=lists.url)

    assert ran.returncode == 0
    assert lines_of(ran)["local"] == "ok     local: usable, 1 model (time)"
    assert lists.paths == ["/v1/models"]


def test_a_local_server_that_is_away_is_told_as_that_and_nothing_else(tmp_path: Path) -> None:
    ran = check(tmp_path, LOCAL_BASE_URL=f"http://127.0.0.1:{find_free_port()}/v1")

    wrong = [line for line in ran.stdout.splitlines() if line.startswith("wrong ")]
    assert ran.returncode == 1
    assert len(wrong) == 1
    assert wrong[0].startswith("wrong  local: unreachable. ")


def test_a_certificate_of_an_own_authority_is_told_with_what_helps(tmp_path: Path) -> None:
    authority = trustme.CA()
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_tls)
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with model_lists(server_tls) as lists:
        lists.body = json.dumps({"data": [{"id": "plain"}]}).encode()
        ours = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": lists.url, "DEFAULT_MODEL": "plain"}
        project = {"SUPABASE_URL": lists.url.removesuffix("/v1"), "SUPABASE_KEY": "sb_secret_x"}
        refused = check(tmp_path, **ours, **project)
        trusted = check(tmp_path, **ours, SSL_CERT_FILE=str(bundle))

    told = [line for line in refused.stdout.splitlines() if line.startswith("wrong ")]
    assert refused.returncode == 1
    assert len(told) == 2
    assert all("The certificate is refused: " in line for line in told)
    assert all("SSL_CERT_FILE" in line for line in told)
    assert trusted.returncode == 0


def test_the_database_and_redis_are_looked_at_where_they_are_set(
    tmp_path: Path, supabase: SupabaseStack, make_redis: MakeRedis
) -> None:
    settings = {**supabase.settings(), "REDIS_URL": make_redis().url}

    ran = check(tmp_path, **settings)

    lines = ran.stdout.splitlines()
    assert ran.returncode == 0
    assert len(lines) > len(NAMES) + 3
    assert lines[-1] == "ok     redis: usable"
    assert supabase.service_key not in ran.stdout + ran.stderr


@pytest.mark.parametrize("broken", ["away", "evicting"])
def test_a_redis_that_cannot_be_used_is_wrong(
    tmp_path: Path, supabase: SupabaseStack, make_redis: MakeRedis, broken: str
) -> None:
    url = f"redis://:secret-word@127.0.0.1:{find_free_port()}/0"
    if broken == "evicting":
        url = make_redis(eviction="allkeys-lru").url

    ran = check(tmp_path, **{**supabase.settings(), "REDIS_URL": url})

    last = ran.stdout.splitlines()[-1]
    assert ran.returncode == 1
    assert last.startswith("wrong  redis: ")
    assert ("maxmemory-policy" in last) == (broken == "evicting")
    assert "secret-word" not in ran.stdout + ran.stderr


def test_what_a_supabase_project_lacks_is_told_too(tmp_path: Path, supabase: SupabaseStack) -> None:
    settings = {**supabase.settings(), "SUPABASE_KEY": supabase.keys.expired_service}

    ran = check(tmp_path, **settings)

    wrong = [line for line in ran.stdout.splitlines() if line.startswith("wrong ")]
    assert ran.returncode == 1
    assert len(wrong) == 1
    assert supabase.keys.expired_service not in ran.stdout + ran.stderr
