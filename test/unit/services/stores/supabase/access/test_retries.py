"""Which calls are sent again when a connection breaks, and which never are."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from stack.rest_server import CUT, HANG, RestServer
from stack.server_process import find_free_port
from worlds.stores import (
    KEY,
    NOW,
    UNKNOWN_RUN,
    WORKER,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.errors.outages import StoreUnavailable
from services.domain.runs import Settled
from services.stores.base.accounts.links import Link, LinkPurpose
from services.stores.base.accounts.logins import Login, RefreshToken
from services.stores.base.accounts.users import NewUser
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.store import SupabaseStore

PAGE = b"<!DOCTYPE html><title>supabase.co | 520: unknown error</title>"
"""As Cloudflare answers."""

Call = Callable[[SupabaseStore], object]

TOKEN = RefreshToken("hash", NOW, later(60))
LINK = Link(
    token_hash="hash",
    purpose=LinkPurpose.INVITATION,
    subject=None,
    created_at=NOW,
    expires_at=later(60),
)
USER = NewUser(id=new_id(), email="a@example.org", name=None, password_hash="h", created_at=NOW)

MAY_BE_SENT_AGAIN: dict[str, Call] = {
    "begin_turn": lambda store: store.runs.begin_turn(turn_in(new_session(new_id()))),
    "settle_turn": lambda store: store.runs.settle_turn(settlement_of(UNKNOWN_RUN)),
    "beat": lambda store: store.runs.beat(WORKER, [], NOW),
    "run_states": lambda store: store.runs.states([new_id()]),
    "get_run": lambda store: store.runs.get(new_id(), new_id()),
    "claim_dead": lambda store: store.runs.claim_dead(WORKER, ["w"], 1),
    "request_stop": lambda store: store.runs.request_stop(new_id(), new_id(), NOW),
    "create_session": lambda store: store.sessions.create(new_session(new_id()), KEY),
    "revoke_logins": lambda store: store.logins.revoke(new_id()),
    "login_is_live": lambda store: store.logins.is_live(new_id()),
    "own_tenant": lambda store: store.users.tenant_id(),
}
SENT_ONCE: dict[str, Call] = {
    "create_session": lambda store: store.sessions.create(new_session(new_id())),
    "delete_session": lambda store: store.sessions.delete(new_id(), new_id()),
    "rotate_token": lambda store: store.logins.rotate("old", TOKEN, timedelta(seconds=30)),
    "open_login": lambda store: store.logins.open(Login(new_id(), new_id()), TOKEN),
    "add_user": lambda store: store.users.add(USER),
    "set_password": lambda store: store.users.set_password(new_id(), "new", only_if="old"),
    "change_password": lambda store: store.users.change_password(
        new_id(), "new", only_if="old", but=new_id()
    ),
    "forget_workers": lambda store: store.ping(),
    "add_link": lambda store: store.links.add(LINK),
    "redeem_invitation": lambda store: store.links.redeem_invitation("hash", NOW, USER),
    "redeem_reset": lambda store: store.links.redeem_reset("hash", NOW, "new"),
}
LOOKED_UP_BEFORE = {"add_user": ["find_user"]}


@pytest.mark.parametrize("answer", [CUT, (503, {"code": "PGRST001"}), (502, b""), (520, PAGE)])
@pytest.mark.parametrize("function", MAY_BE_SENT_AGAIN)
def test_what_may_be_done_twice_is_sent_again_a_few_times(
    server: RestServer,
    store_of_server: SupabaseStore,
    function: str,
    answer: tuple[int, object] | str,
) -> None:
    server.answers = [answer] * 20

    with pytest.raises(StoreUnavailable):
        MAY_BE_SENT_AGAIN[function](store_of_server)

    assert server.calls == [function] * 5


@pytest.mark.parametrize("answer", [CUT, (503, {"code": "PGRST001"}), (502, b""), (524, PAGE)])
@pytest.mark.parametrize("function", SENT_ONCE)
def test_what_must_not_be_done_twice_is_sent_once(
    server: RestServer,
    store_of_server: SupabaseStore,
    function: str,
    answer: tuple[int, object] | str,
) -> None:
    before = LOOKED_UP_BEFORE.get(function, [])
    server.answers = [(200, None)] * len(before) + [answer] * 20

    with pytest.raises(StoreUnavailable):
        SENT_ONCE[function](store_of_server)

    assert server.calls == [*before, function]


@pytest.mark.parametrize("status", [520, 521, 522, 523, 524, 525, 530])
def test_what_cloudflare_answers_in_place_of_a_project_is_asked_again(
    server: RestServer, store_of_server: SupabaseStore, status: int
) -> None:
    server.answers = [(status, PAGE), (200, True)]

    assert store_of_server.logins.is_live(new_id())


@pytest.mark.parametrize("status", [521, 523, 525, 530])
def test_what_cloudflare_could_not_send_on_is_sent_again_whatever_it_is(
    server: RestServer, store_of_server: SupabaseStore, status: int
) -> None:
    server.answers = [(status, PAGE), (200, True)]

    store_of_server.users.set_password(new_id(), "new", only_if="old")

    assert server.calls == ["set_password"] * 2


def test_a_call_that_comes_through_at_last_gives_its_answer(
    server: RestServer, store_of_server: SupabaseStore
) -> None:
    server.answers = [CUT, (503, b""), CUT, (200, "now")]

    assert store_of_server.runs.settle_turn(settlement_of(UNKNOWN_RUN)) is Settled.NOW


def test_a_slow_answer_is_not_asked_for_again(
    server: RestServer, store_of_server: SupabaseStore
) -> None:
    server.answers = [HANG]

    with pytest.raises(StoreUnavailable):
        store_of_server.logins.is_live(new_id())

    assert server.calls == ["login_is_live"]


def test_a_deadlock_is_tried_again(server: RestServer, store_of_server: SupabaseStore) -> None:
    server.answers = [(500, {"code": "40P01"}), (200, True)]

    assert store_of_server.logins.is_live(new_id())


def test_where_nobody_listens_the_store_is_away_within_seconds(free_port: int) -> None:
    started = time.monotonic()
    with (
        closing(SupabaseStore(f"http://127.0.0.1:{free_port}", "key")) as store,
        pytest.raises(StoreUnavailable),
    ):
        store.users.add(USER)

    assert time.monotonic() - started < 5


def test_what_was_not_sent_may_be_sent_once_there_is_somebody_to_take_it() -> None:
    port = find_free_port()
    refused = threading.Event()

    with closing(SupabaseStore(f"http://127.0.0.1:{port}", "key")) as store:

        def set_password() -> bool:
            refused.set()
            return store.users.set_password(new_id(), "new", only_if="old")

        def listen() -> RestServer:
            refused.wait(10)
            server = RestServer(port=port)
            server.answers = [(200, True)]
            return server

        results: list[bool] = []
        asking = threading.Thread(target=lambda: results.append(set_password()))
        asking.start()
        with listen():
            asking.join(10)

    assert results == [True]


@pytest.mark.parametrize("is_linux", [True, False])
def test_a_server_that_drops_idle_connections_fails_no_call(
    monkeypatch: pytest.MonkeyPatch,
    is_linux: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    if not is_linux:  # other systems do not tell the state of a connection
        monkeypatch.delattr(socket, "TCP_INFO")
    with RestServer(closes_silently=True) as server:
        limits = ConnectionLimits(connections=1, reserved_connections=1)
        with closing(SupabaseStore(server.url, "key", limits)) as store:
            server.answers = [(200, True)] * 20
            for _ in range(20):
                assert store.users.set_password(new_id(), "new", only_if="old")
                server.wait_until_closed()
