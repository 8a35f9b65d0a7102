"""The OpenAPI document is valid, and describes all that is served."""

import re

import pytest
import schemathesis
from api.chat_client import Json
from flask import Flask
from schemathesis.core.result import Ok

NO_API = {"/api/openapi.json", "/api/docs", "/api/docs/errors"}
VARIABLE = re.compile("<(?:[a-z]+:)?([a-z_]+)>")
METHOD_NAME = re.compile("[a-z]+([A-Z][a-z]+)*")
TYPE_NAME = re.compile("([A-Z][a-z]+)+")
SOMETIMES_ABSENT = {
    "Problem.active_run_id",
    "Problem.content",
    "Problem.errors",
    "Problem.message_id",
    "Problem.run_id",
    "Problem.session_id",
    "Readiness.checks",
    "Readiness.providers",
    "Readiness.reasons",
    "ResumeEvent.content",
    "StreamFrame.id",
}
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
        "POST /api/auth/refresh": {"Idempotency-Key"},
        "POST /api/chat": {"Idempotency-Key"},
        f"POST {realtime}/sessions": {"Idempotency-Key"},
        f"POST {realtime}/sessions/{{session_id}}/stream": {"Idempotency-Key", "Last-Event-ID"},
        f"GET {realtime}/sessions/{{session_id}}/stream": {"Last-Event-ID"},
        f"GET {realtime}/runs/{{run_id}}/stream": {"Last-Event-ID"},
    }


def test_operations_have_names_that_make_good_methods(document: Json) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]

    assert [name for name in names if not METHOD_NAME.fullmatch(name)] == []
    assert len(names) == len({name.lower() for name in names})
    assert {"registerAccount", "createSession", "sendMessage", "followRun", "ask"} <= set(names)


def test_types_have_names_of_their_own(document: Json) -> None:
    schemas = document["components"]["schemas"]

    assert [name for name in schemas if not TYPE_NAME.fullmatch(name)] == []
    assert {"StreamEvent", "FinishReason", "Strategy", "Problem"} <= set(schemas)


def test_no_field_of_a_type_has_a_default_which_would_make_it_required(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert "default" not in described, f"{name}.{field}"


def test_what_always_comes_is_required(document: Json) -> None:
    schemas = document["components"]["schemas"]
    sent = {
        content["schema"]["$ref"].rpartition("/")[2]
        for operation in operations(document).values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    }
    absent = {
        f"{name}.{field}"
        for name, schema in schemas.items()
        if name not in sent
        for field in schema.get("properties", {})
        if field not in schema.get("required", ())
    }

    assert len(sent) > 7
    assert absent == SOMETIMES_ABSENT


def test_a_stream_leads_to_the_type_of_its_events(document: Json) -> None:
    answers = [operation["responses"].get("200", {}) for operation in operations(document).values()]
    contents = [answer.get("content", {}).get("text/event-stream") for answer in answers]
    streams = [content["schema"] for content in contents if content]

    assert len(streams) == 3
    for stream in streams:
        assert stream["type"] == "string"  # what generators can read
        assert stream["contentSchema"]["items"] == {"$ref": "#/components/schemas/StreamFrame"}


def test_every_variable_of_a_path_says_what_it_is(document: Json) -> None:
    variables = [each for path in document["paths"].values() for each in path.get("parameters", [])]

    assert {each["name"] for each in variables} == {"provider", "run_id", "session_id"}
    assert all(each["description"] for each in variables)


def test_every_reference_leads_somewhere(document: Json) -> None:
    components = document["components"]
    references = set(re.findall(r"'\$ref': '#/components/(\w+)/(\w+)'", str(document)))

    assert {(kind, name) for kind, name in references if name not in components[kind]} == set()
    assert {("schemas", "StreamEvent"), ("schemas", "StreamFrame")} <= references


def test_a_refusal_that_may_pass_says_when_to_try_again(document: Json) -> None:
    responses = document["components"]["responses"]
    waiting = {name for name, response in responses.items() if "headers" in response}

    assert waiting == {"TOO_MANY_REQUESTS", "SERVICE_UNAVAILABLE"}
    for name in waiting:
        assert responses[name]["headers"].keys() == {"Retry-After"}
