"""Health, readiness, metrics and the API's own description."""

import pytest
from api.accounts import Account
from flask import Flask
from flask.testing import FlaskClient

from routes.web import ASSETS


def test_a_living_server_is_healthy_and_ready(client: FlaskClient) -> None:
    health, ready = client.get("/health"), client.get("/ready")

    assert (health.status_code, health.get_json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert ready.get_json()["status"] == "ready"
    assert ready.get_json()["checks"] == {"store": "ok", "log": "ok", "drain": "ok"}
    assert ready.get_json()["reasons"] == {}
    assert "scripted" in ready.get_json()["providers"]


def test_a_draining_server_lives_but_is_not_ready(app: Flask, client: FlaskClient) -> None:
    app.extensions["charla"].drain.start()

    ready = client.get("/ready")

    assert ready.status_code == 503
    assert ready.get_json()["status"] == "draining"
    assert client.get("/health").status_code == 200


def test_requests_are_counted_by_route_and_never_by_address(client: FlaskClient) -> None:
    client.get("/health")
    client.get("/some/secret/address")

    metrics = client.get("/metrics")

    assert metrics.content_type.startswith("text/plain")
    line = 'charla_http_requests_total{method="GET",route="/health",status="200"} 1.0'
    assert line in metrics.text
    assert 'route="(none)",status="404"' in metrics.text
    assert "secret" not in metrics.text


def test_invented_methods_are_counted_as_one(client: FlaskClient) -> None:
    for method in ("ABC1", "ABC2"):
        client.open("/health", method=method)

    counted = client.get("/metrics").text

    assert 'method="(other)",route="(none)",status="405"} 2.0' in counted
    assert "ABC" not in counted


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_a_probe_may_add_parameters(client: FlaskClient, path: str) -> None:
    assert client.get(f"{path}?probe=1").status_code == 200


def test_the_description_is_openapi_3_1_and_knows_the_problems(client: FlaskClient) -> None:
    described = client.get("/api/openapi.json").get_json()

    login = described["paths"]["/api/auth/login"]["post"]
    problems = described["components"]["responses"]
    assert described["openapi"].startswith("3.1")
    assert {"200", "400", "401", "413", "415", "422", "429"} <= set(login["responses"])
    assert all(set(each["content"]) == {"application/problem+json"} for each in problems.values())
    assert "security" not in login


def test_the_description_says_where_a_token_is_needed(client: FlaskClient) -> None:
    described = client.get("/api/openapi.json").get_json()

    me = described["paths"]["/api/auth/me"]["get"]
    assert me["security"] == [{"bearerAuth": []}]
    assert "401" in me["responses"]
    assert described["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"


def test_every_operation_is_described_in_words(client: FlaskClient) -> None:
    described = client.get("/api/openapi.json").get_json()

    without = [
        f"{method} {path}"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if method in ("get", "post", "patch", "delete") and not operation.get("summary")
    ]

    assert without == []


def test_the_documentation_needs_no_other_server(client: FlaskClient) -> None:
    page = client.get("/api/docs", buffered=True)

    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype", "")
    for name in ("docs/docs.js", "docs/docs.css", "vendor/swagger-ui/swagger-ui-bundle.js"):
        assert f"/assets/{name}" in page.text
        assert client.get(f"/assets/{name}", buffered=True).status_code == 200
        assert (ASSETS / name).is_file()


def test_the_type_of_a_problem_leads_to_its_text(client: FlaskClient, account: Account) -> None:
    problem = client.get("/nothing", headers=account.headers).get_json()

    text = client.get(problem["type"].partition("#")[0], buffered=True)

    assert text.mimetype == "text/plain"
    assert f"`{problem['code']}`" in text.text
