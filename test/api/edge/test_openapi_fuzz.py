"""Requests made from the OpenAPI document, good and bad, by one of two users who know all ids."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from api.accounts import MakeApp
from api.calls import ApiUser
from api.chat_client import Json
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks
from source_tree import ROOT

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
FEW = 12
DOCUMENT: Json = json.loads((ROOT / "Documentation" / "openapi.json").read_text())
LABELS = [
    f"{method.upper()} {path}"
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if method != "parameters"
]
OF_EVERYBODY = {"provider": "scripted"}
"""What a path may name that belongs to no user."""

READ_SECONDS = 0.1
"""The stream of a run that does not end is read for so long."""


@dataclass(slots=True)
class Owner:
    """A user, and what belongs to the user: made again if a request removed it."""

    user: ApiUser
    idle: Json = field(default_factory=dict)
    busy: Json = field(default_factory=dict)

    def things(self, *, busy: bool) -> Json:
        """Give the ids of a session, with an active run or with an ended one."""
        known = self.busy if busy else self.idle
        if not known or self._is_busy(known) is not busy:
            known.update(self._made(busy=busy))
        return known

    def state(self, things: Json) -> tuple[str, str]:
        """Give all that another user could change."""
        session = f"/sessions/{things['session_id']}"
        return self.user.get(session).text, self.user.get(f"{session}/messages?tree=true").text

    def _is_busy(self, things: Json) -> bool | None:
        """Tell whether a run is active; None: the session is gone."""
        session = self.user.get(f"/sessions/{things['session_id']}").get_json()
        return session["active_run"] is not None if "id" in session else None

    def _made(self, *, busy: bool) -> Json:
        session = self.user.new_session(title="theirs")
        start, *_ = frames = self.user.ask(session).frames
        run = self.user.hold(session) if busy else start.event["run_id"]
        return {
            "session_id": session,
            "run_id": run,
            "parent_id": start.event["message_id"],
            "last_event_id": frames[1].id,
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose token a request carries, and whose ids; None: ids that were made up."""

    caller: Owner
    owner: Owner | None
    busy: bool


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Give an application without limits, whose silent streams ping often."""
    return make_app(RATE_LIMIT_ENABLED="false", PING_SECONDS="0.02")


@pytest.fixture
def examples(pytestconfig: pytest.Config) -> settings:
    """Give how many requests are made; only a longer search uses new ones each time."""
    wanted: int | None = pytestconfig.getoption("--fuzz-examples")
    return settings(
        max_examples=wanted or FEW,
        derandomize=wanted is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def described(app: Flask) -> BaseSchema:
    """Give the document as schemathesis reads it: the schema of a stream is that of one frame."""
    document: Json = app.test_client().get("/api/openapi.json").get_json()
    for label in LABELS:
        method, path = label.split()
        answer = document["paths"][path][method.lower()]["responses"].get("200", {})
        if stream := answer.get("content", {}).get("text/event-stream"):
            stream["schema"] = stream["schema"]["contentSchema"]["items"]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = app
    return schema


def is_bad(case: Case[Any], place: ParameterLocation) -> bool:
    """Tell whether a request was made to be refused for what it has in this place."""
    return case.meta is not None and case.meta.is_negative_at(place)


def put_ids(case: Case[Any], things: Json) -> None:
    """Put real ids in place of made-up ids of the right type."""
    if not is_bad(case, ParameterLocation.PATH):
        for name in case.path_parameters:
            case.path_parameters[name] = things.get(name) or OF_EVERYBODY[name]
    places = {ParameterLocation.QUERY: case.query, ParameterLocation.BODY: case.body}
    for place, values in places.items():
        if isinstance(values, dict) and not is_bad(case, place):
            values.update((k, v) for k, v in things.items() if isinstance(values.get(k), str))
    if "Last-Event-ID" in case.headers:
        case.headers["Last-Event-ID"] = things["last_event_id"]


def hasten(case: Case[Any]) -> None:
    """Make the scripted provider answer without its pauses."""
    if isinstance(case.body, dict):
        for name in ("content", "initial_message"):
            text = case.body.get(name)
            if isinstance(text, str) and text.strip():
                case.body[name] = f"/slow 0\n{text}"


def check(case: Case[Any], response: Response) -> None:
    """Hold a response against the document."""
    case.validate_response(response, checks=CHECKS)
    if case.method.upper() == case.operation.method.upper():
        named = set(case.operation.responses.status_codes) - {"default"}
        assert str(response.status_code) in named, f"{case.operation.label}: {response.status_code}"


def attempt(case: Case[Any], who: Attempt) -> None:
    """Make a request; with foreign ids it finds nothing and changes nothing."""
    things, before = {}, None
    if who.owner is not None:
        things = who.owner.things(busy=who.busy)
        put_ids(case, things)
        if who.owner is not who.caller:
            before = who.owner.state(things)
    hasten(case)
    headers = who.caller.user.account.headers
    response = case.call(headers=headers, timeout=READ_SECONDS)
    check(case, response)
    if before is not None and who.owner is not None:
        assert who.owner.state(things) == before
        assert response.status_code >= 400 or not case.path_parameters.keys() & things.keys()


def edges(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> Iterator[Case[Any]]:
    """Make the requests at the edges of what is described, always the same ones."""
    schema: BaseSchema = operation.schema
    return schema.iter_coverage_cases(
        operation, generation_modes=[mode], generation_config=schema.config.generation
    )


@pytest.mark.parametrize("label", LABELS)
def test_no_request_meets_anything_that_is_not_described(
    app: Flask, examples: settings, label: str
) -> None:
    operation = described(app).find_operation_by_label(label)
    assert operation is not None
    owners = [Owner(ApiUser.of(app, f"{name}@example.org")) for name in ("ann", "bob")]
    ends_login = label.startswith("POST /api/auth/")

    def caller(index: int) -> Owner:
        if ends_login:
            number = len(owners)
            owners.append(Owner(ApiUser.of(app, f"user-{number}@example.org")))
            return owners[-1]
        return owners[index]

    attempts = st.builds(
        lambda index, owner, busy: Attempt(caller(index), owner, busy),
        st.integers(0, 1),
        st.sampled_from([None, *owners]),
        st.booleans(),
    )

    @examples
    @given(data=st.data(), mode=st.sampled_from(GenerationMode), who=attempts)
    def run(data: st.DataObject, mode: GenerationMode, who: Attempt) -> None:
        attempt(data.draw(operation.as_strategy(generation_mode=mode)), who)

    run()
    for case in edges(operation, GenerationMode.NEGATIVE):
        attempt(case, Attempt(caller(0), None, busy=False))
    for case in edges(operation, GenerationMode.POSITIVE):
        for busy in (False, True):
            attempt(case, Attempt(caller(0), owners[0], busy))
