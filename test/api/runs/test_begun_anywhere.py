"""A run that no request began: begun by a job, a socket, or any other part of the server."""

from collections.abc import Callable

import gevent
import pytest
from api.accounts import Account, MakeApp, sign_up
from flask import Flask, has_app_context
from worlds.run_world import Story, read_to_the_end

from controllers import bundle
from controllers.runs import Started, TurnRequest
from controllers.sessions import SessionDraft
from services.domain.catalog import ModelChoice
from services.domain.errors.requests import TooManyRequests
from services.domain.users import Caller, Role

HELLO = TurnRequest(content="/slow 0 /echo Hello there", choice=ModelChoice())


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Give an application where two messages an hour are allowed."""
    return make_app(RATE_LIMIT_AI="2 per hour")


def in_a_bare_greenlet(act: Callable[[], Started | Story]) -> Started | Story:
    """Act in a greenlet that has no context of a request or an application."""

    def without_context() -> Started | Story:
        assert not has_app_context()
        return act()

    with gevent.Timeout(30):
        done: Started | Story = gevent.spawn(without_context).get()
    return done


def caller_of(account: Account) -> Caller:
    user = account.tokens["user"]
    return Caller(
        user_id=user["id"], tenant_id=user["tenant_id"], role=Role(user["role"]), login_id=""
    )


def test_a_run_is_begun_read_and_counted_without_a_request(app: Flask) -> None:
    client = app.test_client()
    account = sign_up(client)
    caller = caller_of(account)
    use = bundle.build(app.extensions["charla"])
    draft = SessionDraft(title=None, system_prompt=None, choice=ModelChoice(), metadata={})
    session = use.sessions.create(caller, draft).session

    started = in_a_bare_greenlet(lambda: use.runs.start(caller, session.id, HELLO))
    assert isinstance(started, Started)
    story = in_a_bare_greenlet(
        lambda: read_to_the_end(use.runs.follow(caller, started, lambda: True))
    )

    assert isinstance(story, Story)
    assert story.text == "Hello there"
    assert started.standing is not None
    assert (started.standing.remaining, started.standing.limit.amount) == (1, 2)
    run = client.get(f"/api/chat/realtime/runs/{started.run.id}", headers=account.headers)
    assert (run.status_code, run.get_json()["status"]) == (200, "complete")


def test_what_requests_and_others_begin_counts_together(app: Flask) -> None:
    client = app.test_client()
    account = sign_up(client)
    caller = caller_of(account)
    use = bundle.build(app.extensions["charla"])
    body = {"content": HELLO.content}
    by_request = client.post("/api/chat", json=body, headers=account.headers)
    session_id = by_request.get_json()["session_id"]

    in_a_bare_greenlet(lambda: use.runs.start(caller, session_id, HELLO))

    with pytest.raises(TooManyRequests):
        in_a_bare_greenlet(lambda: use.runs.start(caller, session_id, HELLO))
