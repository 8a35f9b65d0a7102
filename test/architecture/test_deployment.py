"""The files for containers name what exists, and agree with the settings and with each other."""

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from source_tree import ROOT, project_files

from services.settings.load import load_settings
from services.settings.whole import Settings, variables

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETTINGS = {variable.name for variable in variables()}
LOCAL = {"POSTGRES_PASSWORD", "PUBLISHED_PORT"}
"""What only the compose file itself takes."""

PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.?\d*(-\w+)*")
ASKED = re.compile(r"\$\{(\w+)(?::[-?][^}]*)?\}")


def instructions(word: str) -> list[str]:
    """Give what stands behind an instruction of the Dockerfile."""
    whole_lines = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{word} +(.+)$", whole_lines, re.MULTILINE)


def seconds(duration: str) -> int:
    """Read a duration in seconds."""
    assert re.fullmatch(r"\d+s", duration)
    return int(duration[:-1])


def test_every_image_is_pinned_to_a_version() -> None:
    bases = [line.split()[0] for line in instructions("FROM")]
    images = [service["image"] for service in SERVICES.values() if "image" in service]

    assert len(set(bases)) == 1
    assert [name for name in bases + images if not PINNED.fullmatch(name)] == []


def test_every_setting_that_is_given_exists() -> None:
    given = set(SERVICES["app"]["environment"])
    from_image = set(re.findall(r"\b([A-Z_]+)=", " ".join(instructions("ENV"))))
    asked = set(ASKED.findall((ROOT / "docker-compose.yml").read_text()))

    assert given - SETTINGS == set()
    assert from_image - SETTINGS == {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert asked - SETTINGS == LOCAL


def test_what_the_compose_file_gives_are_settings_to_start_with(tmp_path: Path) -> None:
    asked = {
        "SUPABASE_URL": "https://abc.supabase.co",
        "SUPABASE_KEY": "sb_secret_x",
        "SUPABASE_JWT_SECRET": "",
        "METRICS_TOKEN": "",
        "JWT_SECRET_KEY": "Zb9/0yEdrVv2nq8x+Hk4sT1mWc7uGp3L",
        "REGISTRATION": "",
        "WEB_CONCURRENCY": "2",
    }
    given = {
        name: ASKED.sub(lambda match: asked[match[1]], str(value))
        for name, value in SERVICES["app"]["environment"].items()
    }

    settings = load_settings(given | {"DATA_DIR": str(tmp_path)})

    assert settings.server.is_production
    assert (settings.scaling.workers, settings.scaling.mode) == (2, "Supabase and Redis")
    assert settings.server.address == "0.0.0.0:5000"
    assert given["DATA_DIR"] == "/data"


def test_a_container_is_given_longer_to_end_than_its_answers() -> None:
    app = SERVICES["app"]
    graceful = int(app["environment"]["GRACEFUL_TIMEOUT"])

    assert graceful > Settings().runs.run_timeout_seconds + 5
    assert seconds(app["stop_grace_period"]) > graceful
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_enough_files_may_be_open_for_all_streams() -> None:
    assert SERVICES["app"]["ulimits"]["nofile"] > 2 * Settings().limits.max_streams + 500


def test_what_is_mounted_exists_or_is_a_volume() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), (name, source)
            else:
                assert source in COMPOSE["volumes"], (name, source)


def test_who_is_waited_for_exists_and_tells_when_it_is_ready() -> None:
    for name, service in SERVICES.items():
        waits = service.get("depends_on", {})
        for other in waits:
            assert other in SERVICES, name
            rule = waits[other] if isinstance(waits, dict) else {}
            if rule.get("condition") == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)
            is_optional = "profiles" in SERVICES[other] and "profiles" not in service
            assert rule.get("required", True) is not is_optional, (name, other)


def test_redis_keeps_what_it_was_given() -> None:
    options = SERVICES["redis"]["command"][1:]

    assert dict(zip(options[::2], options[1::2], strict=True)) == {
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--maxmemory-policy": "noeviction",
    }
    assert "redis:/data" in SERVICES["redis"]["volumes"]


def test_only_the_application_is_published_and_only_on_this_machine() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["app"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["app"]["ports"])


def test_the_image_runs_as_nobody_in_particular_and_gets_signals_itself() -> None:
    after_last_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]

    assert re.findall(r"^USER (.+)$", after_last_stage, re.MULTILINE) == ["10001:10001"]
    assert json.loads(instructions("CMD")[-1]) == ["python", "app.py"]
    assert instructions("VOLUME") == ["/data"]
    assert instructions("ENTRYPOINT") == []


def copied_from_the_project() -> list[str]:
    """Name what the Dockerfile takes from the project."""
    copies = [shlex.split(line) for line in instructions("COPY") if not line.startswith("--from")]
    return [source for words in copies for source in words[:-1]]


def is_ignored(name: str) -> bool:
    """Tell whether .dockerignore keeps a file out; the last line that fits decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!")
        top = name.partition("/")[0]
        if line and not line.startswith("#") and (fnmatch(top, pattern) or fnmatch(name, pattern)):
            ignored = not line.startswith("!")
    return ignored


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    names = copied_from_the_project()

    assert {"app.py", "services", "requirements.txt"} <= set(names)
    for name in names:
        assert (ROOT / name).exists(), name
        assert not is_ignored(name), name


def test_nothing_else_gets_near_the_image() -> None:
    copied = copied_from_the_project()
    names = {str(path.relative_to(ROOT)) for path in project_files()}
    needed = {name for name in names for source in copied if (name + "/").startswith(source + "/")}

    assert {name for name in names if not is_ignored(name)} == needed


@pytest.mark.parametrize(
    "name", [".env", "instance/secrets.json", ".git/config", "deploy/local/.env"]
)
def test_no_secret_gets_near_the_image(name: str) -> None:
    assert is_ignored(name)
