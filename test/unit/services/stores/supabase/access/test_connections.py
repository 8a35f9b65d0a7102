"""The fixed set of connections, and those that are kept free for urgent calls."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from stack.rest_server import CUT, HANG, RestServer
from worlds.stores import NOW, UNKNOWN_RUN, WORKER, new_id, new_session, settlement_of, turn_in

from services.domain.errors.outages import StoreUnavailable
from services.domain.runs import Settled
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.store import SupabaseStore

EMPTY_BEAT = {"stop": None, "lost": None, "unlisted": None, "others": None, "revoked": None}


@pytest.fixture
def store(server: RestServer) -> Iterator[SupabaseStore]:
    """Give a store with three connections, one of them reserved."""
    limits = ConnectionLimits(
        connections=2, reserved_connections=1, timeout_seconds=2, pauses_seconds=(0.01,)
    )
    with closing(SupabaseStore(server.url, "key", limits)) as store:
        yield store


def test_there_are_never_more_connections_than_allowed(
    server: RestServer, store: SupabaseStore
) -> None:
    server.answers = [(200, True)] * 400

    with ThreadPoolExecutor(20) as callers:
        live = list(callers.map(lambda _: store.logins.is_live(new_id()), range(400)))

    assert all(live)
    assert len(server.calls) == 400
    assert server.open_at_most <= 2


def test_settles_beats_and_claims_get_through_while_begins_hang(
    server: RestServer, store: SupabaseStore
) -> None:
    def begin() -> None:
        with pytest.raises(StoreUnavailable):
            store.runs.begin_turn(turn_in(new_session(new_id())))

    server.answers = [HANG, HANG]
    with ThreadPoolExecutor(4) as callers:
        begins = [callers.submit(begin) for _ in range(4)]
        for _ in range(2):
            assert server.hanging.acquire(timeout=10)
        server.answers = [(200, "now"), (200, EMPTY_BEAT | {"now": "2026"}), (200, [])]

        settled = store.runs.settle_turn(settlement_of(UNKNOWN_RUN))
        store.runs.beat(WORKER, [], NOW)
        store.runs.claim_dead(WORKER, ["dead"], 1)
        still_hanging = [begin.done() for begin in begins]

        server.answers = [(503, b"")] * 50
        for one in begins:
            one.result(timeout=30)

    assert settled is Settled.NOW
    assert still_hanging == [False] * 4


def test_a_connection_that_broke_is_replaced(server: RestServer, store: SupabaseStore) -> None:
    server.answers = [CUT] + [(200, True)] * 10

    assert store.logins.is_live(new_id())
    assert all(store.logins.is_live(new_id()) for _ in range(5))
