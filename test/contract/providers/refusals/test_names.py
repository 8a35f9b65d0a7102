"""A model's name is never part of a path, whatever is in it."""

import pytest
from reports.refusals import provider_at
from reports.refusing_server import RefusingServer
from wires.calls import ask
from wires.steps import TEXT

ROOT = "/v1beta/"
CALL = ":streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("gemini-3.8-flash", "models/gemini-3.8-flash"),
        ("../../x?y=", "models/..%2F..%2Fx%3Fy%3D"),
        ("a\r\nX: 1", "models/a%0D%0AX%3A%201"),
        ("a#b", "models/a%23b"),
        ("a%2f..", "models/a%252f.."),
        ("{api_version}", "models/%7Bapi_version%7D"),
        ("a\\..\\b", "models/a%5C..%5Cb"),
        ("Grüße", "models/Gr%C3%BC%C3%9Fe"),
        ("..", "models/.."),
        ("models/gemini-3.8-flash", "models/gemini-3.8-flash"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
        ("tunedModels/../files", "models/tunedModels%2F..%2Ffiles"),
        ("x/tunedModels/a", "models/x%2FtunedModels%2Fa"),
    ],
)
def test_a_name_for_gemini_stays_in_its_own_segment(
    upstream: RefusingServer, name: str, resource: str
) -> None:
    provider = provider_at("gemini", upstream.url)

    outcome = ask(provider, model=name)
    provider.close()

    assert outcome.text == TEXT
    (call,) = upstream.calls
    assert call.path == f"{ROOT}{resource}{CALL}"
    assert "x" not in call.headers


@pytest.mark.parametrize("kind", ["openai", "anthropic", "local"])
def test_other_vendors_have_it_in_the_body(upstream: RefusingServer, kind: str) -> None:
    provider = provider_at(kind, upstream.url)

    for _ in range(2):
        ask(provider, model="../../x?y=\r\nX: 1")
    provider.close()

    assert {call.body["model"] for call in upstream.calls} == {"../../x?y=\r\nX: 1"}
    assert len({call.path for call in upstream.calls}) == 1
    assert not any("x" in call.headers for call in upstream.calls)
