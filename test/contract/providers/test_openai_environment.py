"""What the settings tell the OpenAI adapter, and what the environment does not tell its SDK."""

from pathlib import Path

import pytest
from wires.calls import KEY, ask
from wires.fixtures import WireServer
from wires.sdk_environment import assert_changes_nothing

from services.bootstrap.worker import build_services
from services.settings.load import load_settings
from services.worker import life


def test_the_environment_of_the_sdk_changes_nothing(wire: WireServer) -> None:
    env = {
        "OPENAI_API_KEY": "sk-environment",
        "OPENAI_ADMIN_KEY": "sk-admin-environment",
        "OPENAI_BASE_URL": "http://127.0.0.1:1",
        "OPENAI_ORG_ID": "org-environment",
        "OPENAI_PROJECT_ID": "proj-environment",
        "OPENAI_CUSTOM_HEADERS": "X-Other: environment\nAuthorization: Bearer environment",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }

    assert_changes_nothing(env, wire, "openai", wire.base_url)


@pytest.mark.parametrize(("given", "sent"), [({}, "low"), ({"REASONING_EFFORT": "high"}, "high")])
def test_a_model_that_reasons_is_told_the_effort_of_the_settings(
    wire: WireServer, tmp_path: Path, given: dict[str, str], sent: str
) -> None:
    models = tmp_path / "models.yaml"
    models.write_text(
        "models: [{provider: openai, name: plain, reasons: true, default: true, "
        "window: 9000, max_output: 900}]"
    )
    env = {
        "DATA_DIR": str(tmp_path),
        "MODELS_FILE": str(models),
        "OPENAI_BASE_URL": wire.base_url,
        "OPENAI_API_KEY": KEY,
    }
    services = build_services(load_settings(env | given))

    ask(services.answering.providers["openai"], max_tokens=77)
    life.end(services)

    assert wire.seen()["last"]["reasoning_effort"] == sent


def test_what_a_servers_provider_passes_over_is_in_its_metrics(
    wire: WireServer, tmp_path: Path
) -> None:
    env = {"DATA_DIR": str(tmp_path), "OPENAI_BASE_URL": wire.base_url, "OPENAI_API_KEY": KEY}
    services = build_services(load_settings(env))

    ask(services.answering.providers["openai"], model="odd")
    life.end(services)

    line = b'charla_upstream_ignored_total{provider="openai"} 8.0'
    assert line in services.metrics.render()
