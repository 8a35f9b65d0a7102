"""Nothing that a stranger sends is an error of the server's, or stops it."""

import pytest
from api.chat_client import ChatClient
from hostile.fuzz.grammar import Grammar, Known
from hostile.fuzz.sending import fuzz
from stack.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("hostile"), pytest.mark.timeout(900)]

REQUESTS, LONG_REQUESTS = 1500, 20_000


def test_odd_requests_are_refused_and_leave_no_traceback(
    attacked: ServerProcess, pytestconfig: pytest.Config, *, is_long: bool
) -> None:
    seed: str = pytestconfig.getoption("--hostile-seed")
    client = ChatClient.registered(attacked.url)
    session = client.new_session()
    run = client.begin(session, "/slow 0 /echo one", provider="scripted")
    known = Known(token=client.token or "", session=session, run=run, email=client.user["email"])
    already = len(attacked.output())

    found = fuzz(attacked, Grammar(seed, known), range(LONG_REQUESTS if is_long else REQUESTS))

    print(f"--hostile-seed {seed}: {dict(found.statuses.most_common())}")  # noqa: T201 - to repeat it
    assert found.problems == []
    assert "Traceback" not in attacked.output()[already:]
    assert found.statuses.keys() >= {"200", "400", "401", "404", "422"}


def test_the_attacks_left_no_traceback_in_the_log(attacked: ServerProcess) -> None:
    assert "Traceback" not in attacked.output()
