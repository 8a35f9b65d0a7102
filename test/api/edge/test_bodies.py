"""How large a body each address takes, and that none costs more than it is worth."""

import time
from collections.abc import Iterator

import pytest
from api.accounts import MakeApp
from api.calls import ApiUser, refused
from api.chat_client import REALTIME
from flask import Flask

JSON = "application/json"
SMALL_BYTES = 16 * 1024
MEGABYTE = 1024 * 1024
NO_ID = "00000000-0000-7000-8000-000000000000"
WITH_MESSAGE = {
    "/api/chat",
    "/api/tokens/count",
    f"{REALTIME}/sessions",
    f"{REALTIME}/sessions/<session_id>/stream",
}
WITH_PROMPT = {f"{REALTIME}/sessions/<session_id>"}

MOST_CPU_SECONDS = 0.1
"""Of one request, on a busy machine; before bodies were bounded, these took 0.25 to 0.7 s."""


def addresses(app: Flask) -> Iterator[tuple[str, str]]:
    """Give each method of each address that may have a body."""
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) & {"POST", "PATCH", "PUT", "DELETE"}:
            yield method, rule.rule


def test_an_address_takes_a_large_body_only_where_a_text_may_be_large(
    app: Flask, ann: ApiUser
) -> None:
    body = b'{"unknown": "' + b"x" * SMALL_BYTES + b'"}'
    large = set()
    for method, rule in addresses(app):
        path = rule.replace("<session_id>", NO_ID).replace("<run_id>", NO_ID)
        response = ann.client.open(
            path, method=method, data=body, content_type=JSON, headers=ann.account.headers
        )
        if response.status_code == 413:
            assert f" {SMALL_BYTES} bytes" in response.get_json()["detail"], rule
        elif response.status_code == 422:
            large.add(rule)
    assert large == WITH_MESSAGE | WITH_PROMPT


def test_the_longest_of_everything_still_fits_in_however_it_is_written(ann: ApiUser) -> None:
    session = ann.new_session()
    change = {"title": "🎉" * 200, "system_prompt": "🎉" * 32_000, "metadata": {"a": "🎉" * 16_000}}

    changed = ann.patch(f"/sessions/{session}", change)

    assert changed.status_code == 200
    assert changed.get_json().items() >= change.items()


HOSTILE = {
    "names": b"{" + b",".join(b'"%x":1' % n for n in range(110_000)) + b"}",
    "few names": b"{" + b",".join(b'"%0100x":1' % n for n in range(3300)) + b"}",
    "lists": b'{"content":[' + b",".join([b"[]"] * 350_000) + b"]}",
    "metadata": b'{"metadata":{"a":[' + b",".join([b"{}"] * 350_000) + b"]}}",
    "wrong metadata": b'{"metadata":{'
    + b",".join(b'"%x":"\\u0000"' % n for n in range(60_000))
    + b"}}",
    "fractions": b'{"content":[' + b",".join([b"1.5"] * 260_000) + b"]}",
    "long numbers": b'{"content":[' + b",".join([b"9" * 4300] * 240) + b"]}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_body_costs_little(ann: ApiUser, kind: str) -> None:
    session = ann.new_session()
    for path in (f"{REALTIME}/sessions/{session}/stream", f"{REALTIME}/sessions", "/api/chat"):
        took = []
        for _ in range(2):  # a collection of garbage may fall into one of them
            begun = time.thread_time()
            response = ann.client.post(
                path, data=HOSTILE[kind], content_type=JSON, headers=ann.account.headers
            )
            took.append(time.thread_time() - begun)
            assert response.status_code in (400, 413, 422)
            assert len(response.get_data()) < 10_000
        assert min(took) < MOST_CPU_SECONDS


def test_metadata_counts_as_it_is_written(ann: ApiUser) -> None:
    most = 16_384
    for value, written in (("x", '"x"'), ({}, "{}"), ([], "[]"), (True, "true"), (12, "12")):
        count = (most - len('{"a":[}')) // (len(written) + 1)
        assert ann.post("/sessions", {"metadata": {"a": [value] * count}}).status_code == 201
        problem = refused(
            ann.post("/sessions", {"metadata": {"a": [value] * (count + 1)}}),
            422,
            "invalid_request",
        )
        assert problem["errors"] == {"metadata": [f"Longer than {most} characters of JSON."]}


def test_a_query_of_a_thousand_parameters_is_refused_shortly(ann: ApiUser) -> None:
    query = "&".join(f"p{n}=" for n in range(1000))

    for path in ("/sessions", f"/sessions/{ann.new_session()}"):
        problem = refused(ann.get(f"{path}?{query}"), 422, "invalid_request")
        assert "parameters" in problem["detail"]


def test_the_size_follows_the_longest_message(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_CONTENT_CHARS="10"))
    body = {"content": "x" * (64 * 1024 + 200)}

    problem = refused(ann.post("/api/chat", body), 413, "content_too_large")

    assert "65656 bytes" in problem["detail"]
