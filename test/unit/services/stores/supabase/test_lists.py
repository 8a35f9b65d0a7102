"""More than the 1,000 rows at which PostgREST silently cuts an answer."""

import pytest
from stack.supabase_stack import SupabaseStack
from worlds.stores import NOW, WORKER, answer, later, new_id, new_session, turn_in

from services.domain.sessions import Session, SessionFilter
from services.stores.supabase.store import SupabaseStore

MANY = 1200

MESSAGES = """
insert into messages (id, session_id, user_id, parent_id, role, content, status, token_estimate,
  created_at)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, $1, $2,
  case when n > 1 then ('00000000-0000-0000-0000-' || lpad((n - 1)::text, 12, '0'))::uuid end,
  case when n % 2 = 1 then 'user' else 'assistant' end, 'text ' || n, 'complete', 2, now()
from generate_series(1, $3::integer) as n;
update sessions set active_leaf =
  ('00000000-0000-0000-0000-' || lpad($3, 12, '0'))::uuid where id = $1;
"""

RUNS = """
insert into runs (id, session_id, user_id, tenant_id, message_id, user_message_id, worker_id, epoch,
  status, provider, model, offer, max_tokens, input_tokens, created_at, ended_at, terminal,
  terminal_epoch, terminal_seq)
select gen_random_uuid(), $1, $2, $2, gen_random_uuid(), $2, 'w', 1, 'complete', 'p', 'm', '{}', 1,
  1, now(), now(), (select terminal from runs where session_id = $1 limit 1), 1, 2
from generate_series(1, $3::integer);
"""

SESSIONS = """
insert into sessions (id, user_id, tenant_id, title, metadata, created_at, updated_at)
select gen_random_uuid(), $1, $1, 'title ' || n, '{}', now(), now()
from generate_series(1, $2::integer) as n;
"""


@pytest.fixture
def long_session(supabase: SupabaseStack, session: Session) -> Session:
    """Give a session of many messages."""
    supabase.sql(MESSAGES, session.id, session.user_id, MANY)
    return session


@pytest.mark.parametrize("kind", ["branch", "tree"])
def test_a_long_session_is_paged_to_its_beginning(
    store: SupabaseStore, long_session: Session, kind: str
) -> None:
    read = getattr(store.messages, kind)
    contents: list[str] = []
    cursor = None
    while True:
        page = read(long_session.user_id, long_session.id, 100, cursor)
        contents = [message.content for message in page.items] + contents
        cursor = page.next_cursor
        if cursor is None:
            break

    assert contents == [f"text {n}" for n in range(1, MANY + 1)]


def test_one_page_may_hold_more_than_a_thousand_messages(
    store: SupabaseStore, long_session: Session
) -> None:
    page = store.messages.branch(long_session.user_id, long_session.id, MANY + 10)

    assert (len(page.items), page.next_cursor) == (MANY, None)


def test_a_turn_in_a_long_session_takes_only_its_newest_messages(
    store: SupabaseStore, long_session: Session
) -> None:
    begun = store.runs.begin_turn(turn_in(long_session, context_messages=5))

    assert [message.content for message in begun.context] == [
        *(f"text {n}" for n in range(MANY - 3, MANY + 1)),
        "Hello",
    ]


def test_thousands_of_states_are_read_at_once(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    answer(store, session)
    supabase.sql(RUNS, session.id, session.user_id, 3 * MANY)
    ids = [row["id"] for row in supabase.sql("select id from runs")]

    states = store.runs.states(ids + [new_id() for _ in range(1000)])

    assert set(states) == set(ids)
    assert len(ids) == 3 * MANY + 1


def test_a_beat_tells_of_more_than_a_thousand_workers(
    supabase: SupabaseStack, store: SupabaseStore
) -> None:
    supabase.sql(
        "insert into workers select 'w' || n, n, now() from generate_series(1, $1::integer) as n",
        MANY,
    )

    others = store.runs.beat(WORKER, [], NOW).others

    assert others == {f"w{n}": n for n in range(1, MANY + 1)}


def test_many_sessions_are_listed_and_found_to_the_last(
    supabase: SupabaseStack, store: SupabaseStore
) -> None:
    user_id = new_id()
    supabase.sql(SESSIONS, user_id, MANY)

    for query in (None, "title"):
        page = store.sessions.list(user_id, SessionFilter(limit=2 * MANY, query=query))
        assert len(page.items) == MANY


def test_a_session_of_any_length_is_deleted_whole(
    supabase: SupabaseStack, store: SupabaseStore, long_session: Session
) -> None:
    supabase.sql(
        MESSAGES.replace("0000-0000-0000-", "0000-0000-0001-"), long_session.id, new_id(), 5000
    )

    store.sessions.delete(long_session.user_id, long_session.id)

    assert supabase.sql("select id from messages") == []
    assert supabase.sql("select id from sessions") == []


def test_a_deletion_that_was_broken_off_is_finished_by_the_purge(
    supabase: SupabaseStack, store: SupabaseStore, long_session: Session
) -> None:
    kept = store.sessions.create(new_session(long_session.user_id))
    supabase.sql("update sessions set deleted = true where id = $1", long_session.id)

    purged = store.runs.purge(later(0))

    assert purged == 1
    assert supabase.sql("select id from messages") == []
    assert [row["id"] for row in supabase.sql("select id from sessions")] == [kept.id]
