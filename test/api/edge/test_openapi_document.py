"""The OpenAPI document is valid, and describes all that is served."""

import re

import pytest
import schemathesis
from api.chat_client import Json
from flask import Flask
from schemathesis.core.result import Ok

NO_API = {"/api/openapi.json", "/api/docs", "/api/docs/errors"}
VARIABLE = re.compile("<(?:[a-z]+:)?([a-z_]+)>")
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def document(app: Flask) -> Json:
    """Give the document as it is served."""
    described: Json = app.test_client().get("/api/openapi.json").get_json()
    return described


def braced(variable: re.Match[str]) -> str:
    return f"{{{variable[1]}}}"


def operations(document: Json) -> dict[str, Json]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method.upper() in METHODS
    }


def test_the_document_is_valid_openapi_3_1(document: Json) -> None:
    schema = schemathesis.openapi.from_dict(document)

    schema.validate()

    assert schema.specification.version.startswith("3.1")
    assert all(isinstance(operation, Ok) for operation in schema.get_all_operations())


def test_a_document_that_breaks_the_standard_would_be_noticed(document: Json) -> None:
    document["paths"]["/health"]["get"]["responses"]["200"].pop("description")

    with pytest.raises(ValueError, match="description"):
        schemathesis.openapi.from_dict(document).validate()


def test_every_route_of_the_api_is_described_and_nothing_else(app: Flask, document: Json) -> None:
    served = {
        f"{method} {VARIABLE.sub(braced, rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if rule.rule.startswith("/api") and rule.rule not in NO_API
    }

    described = {label for label in operations(document) if " /api" in label}

    assert described == served
    assert len(served) > 15


def test_every_refusal_is_described_by_its_status(document: Json) -> None:
    for label, operation in operations(document).items():
        needed = set()
        if operation.get("security"):
            needed |= {"401", "503"}
        if "requestBody" in operation:
            needed |= {"400", "413", "415", "422", "503"}
        if any(p["in"] in ("query", "header") for p in operation.get("parameters", [])):
            needed.add("422")
        if "{" in label:
            needed.add("404")
        if label.endswith("/stream") or label == "POST /api/chat":
            needed.add("429")
        assert needed <= set(operation["responses"]), label


def test_headers_that_a_client_may_send_are_described(document: Json) -> None:
    described = {
        label: {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        for label, operation in operations(document).items()
    }

    realtime = "/api/chat/realtime"
    assert {label: names for label, names in described.items() if names} == {
        "POST /api/chat": {"Idempotency-Key"},
        f"POST {realtime}/sessions": {"Idempotency-Key"},
        f"POST {realtime}/sessions/{{session_id}}/stream": {"Idempotency-Key", "Last-Event-ID"},
        f"GET {realtime}/sessions/{{session_id}}/stream": {"Last-Event-ID"},
        f"GET {realtime}/runs/{{run_id}}/stream": {"Last-Event-ID"},
    }


def test_every_reference_leads_somewhere(document: Json) -> None:
    components = document["components"]
    references = set(re.findall(r"'\$ref': '#/components/(\w+)/(\w+)'", str(document)))

    assert {(kind, name) for kind, name in references if name not in components[kind]} == set()
    assert ("schemas", "Event") in references
