"""Calls that meet in the database: one waits for the other, and then sees what it did."""

from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import msgspec
import pytest
from stack.supabase_stack import SupabaseStack
from worlds.stores import KEY, NOW, OTHER_WORKER, WORKER, new_id, new_session, turn_in

from services.domain.errors.requests import NotFound, SearchTooBroad, TooManyRequests
from services.domain.runs import Piece, RunBeat
from services.domain.sessions import Session, SessionFilter
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.store import SupabaseStore
from services.stores.supabase.turns.begin import OffersJson, turn_json

MANY = 12


@pytest.fixture
def store(supabase: SupabaseStack) -> Generator[SupabaseStore, None, None]:
    """Give a store with a connection for each caller."""
    limits = ConnectionLimits(connections=MANY, reserved_connections=2)
    with closing(SupabaseStore(supabase.url, supabase.service_key, limits)) as store:
        yield store


@contextmanager
def under_way(stack: SupabaseStack, statement: str, *params: object) -> Generator[None, None, None]:
    """Have a statement done by another transaction, which commits a second later."""
    with ThreadPoolExecutor(1) as other:
        done = other.submit(stack.sql, f"{statement}; do 'begin perform pg_sleep(1); end'", *params)
        sleeping = "select 1 from pg_stat_activity where wait_event = 'PgSleep'"
        while not stack.sql(sleeping):
            assert not done.done()
        yield
        done.result()


def test_begins_at_once_with_one_key_make_one_session(store: SupabaseStore) -> None:
    user_id = new_id()

    def begin(_: int) -> tuple[str, bool]:
        new = new_session(user_id)
        begun = store.runs.begin_turn(turn_in(new, new_session=new, key=KEY))
        return begun.run.session_id, begun.replayed

    with ThreadPoolExecutor(MANY) as callers:
        begun = list(callers.map(begin, range(MANY)))

    assert len({session_id for session_id, _ in begun}) == 1
    assert Counter(replayed for _, replayed in begun) == {False: 1, True: MANY - 1}


def test_begins_at_once_never_make_more_active_runs_than_allowed(store: SupabaseStore) -> None:
    user_id = new_id()

    def begin(_: int) -> str:
        new = new_session(user_id)
        try:
            store.runs.begin_turn(turn_in(new, new_session=new, max_active_runs=3))
        except TooManyRequests:
            return "refused"
        return "begun"

    with ThreadPoolExecutor(MANY) as callers:
        results = Counter(callers.map(begin, range(MANY)))

    assert results == {"begun": 3, "refused": MANY - 3}


def test_a_begin_waits_for_a_deletion_and_finds_the_session_gone(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    hide = "update sessions set deleted = true where id = $1"

    with under_way(supabase, hide, session.id), pytest.raises(NotFound):
        store.runs.begin_turn(turn_in(session))

    assert supabase.sql("select id from runs") == []


def test_a_beat_waits_for_a_claim_and_stores_nothing_for_a_lost_run(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    claim = "update runs set worker_id = $1, epoch = epoch + 1"

    with under_way(supabase, claim, OTHER_WORKER):
        reply = store.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(1, "late"))], NOW)

    assert reply.lost == {run.id}
    assert store.runs.text(run.user_id, run.id) == ""


def test_a_claim_passes_over_what_is_just_being_settled(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run

    with under_way(supabase, "update runs set attempt = attempt where id = $1", run.id):
        claimed = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    assert claimed == []


def test_a_worker_is_not_forgotten_while_it_begins(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    store.runs.beat(WORKER, [], NOW)
    turn = turn_in(session)
    asked = msgspec.json.encode(turn_json(turn, OffersJson().of(turn.offers))).decode()
    begin = "update workers set counter = 0 where (select begin_turn($1::json)) is null"

    with under_way(supabase, begin, asked):
        store.runs.forget_workers([WORKER])

    assert store.runs.get(turn.user_id, turn.run_id).is_active
    assert store.runs.beat("observer", [], NOW).others == {WORKER: 1}


def test_a_search_of_a_user_who_searches_already_is_refused_and_nobody_elses(
    supabase: SupabaseStack, store: SupabaseStore
) -> None:
    user_id, wanted = new_id(), SessionFilter(limit=10, query="word")
    lock = f"pg_advisory_xact_lock(hashtextextended('charla.search.{user_id}', 0))"

    with under_way(supabase, f"do $$ begin perform {lock}; end $$"):
        with pytest.raises(TooManyRequests) as refusal:
            store.sessions.list(user_id, wanted)
        assert store.sessions.list(new_id(), wanted).items == []
        assert store.sessions.list(user_id, SessionFilter(limit=10)).items == []

    assert refusal.value.code == "search_busy"
    assert store.sessions.list(user_id, wanted).items == []


def test_a_search_ends_when_its_time_is_over(supabase: SupabaseStack, store: SupabaseStore) -> None:
    change = "alter function public.search_sessions set statement_timeout = '{}'"
    supabase.sql(change.format("100ms"))
    supabase.reload()
    try:
        with (
            under_way(supabase, "lock table sessions in access exclusive mode"),
            pytest.raises(SearchTooBroad),
        ):
            store.sessions.list(new_id(), SessionFilter(limit=10, query="word"))
    finally:
        supabase.sql(change.format("5s"))
        supabase.reload()
