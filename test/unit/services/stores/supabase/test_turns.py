"""A turn in the database does what the rules of the domain say, in two round trips."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from stack.supabase_stack import SupabaseStack
from worlds.stores import (
    KEY,
    LARGE,
    NOW,
    OFFERS,
    SMALL,
    WORKER,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers
from services.domain.errors.base import CharlaError
from services.domain.errors.requests import ModelNotAvailable
from services.domain.runs import BeginTurn, Piece, RunBeat
from services.domain.sessions import FinishReason, NewSession, Session, SessionFilter
from services.stores.base.store import Store
from services.stores.sqlite.store import SqliteStore
from services.stores.supabase.store import SupabaseStore

SHARED = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""Each example makes what it needs in the database, which the fixture has emptied once. A failure
is reported as it was found: to make it smaller would take minutes."""


CHAIN = """
insert into public.messages (id, session_id, user_id, parent_id, role, content, status,
  token_estimate, created_at)
select md5(n::text)::uuid, $1, $2, case when n > 1 then md5((n - 1)::text)::uuid end,
  case n % 2 when 1 then 'user' else 'assistant' end, 'text', 'complete', 11, now()
from generate_series(1, 5000) as n
"""
READ = """
with read as materialized (select history from charla.history(md5('5000')::uuid, $1, 300))
select json_array_length(history) as messages,
  pg_stat_get_xact_numscans('messages_pkey'::regclass) as lookups
from read
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A past turn of a conversation."""

    question: str
    tokens: int
    answer: str
    reason: FinishReason | None


told = st.builds(
    Told,
    question=st.sampled_from(["Why?", "Größe?", "x" * 50]),
    tokens=st.integers(0, 60),
    answer=st.sampled_from(["", " \r\n\t", "\u00a0", "Because.", "🎉" * 20, "y" * 300]),
    reason=st.sampled_from([FinishReason.STOP, FinishReason.CONTENT_FILTER, None]),
)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[SqliteStore]:
    """Give the store whose contexts `fit_context` itself makes."""
    with closing(SqliteStore.open(tmp_path)) as store:
        yield store


def outcome(store: Store, new: NewSession, talk: Sequence[Told], turn: BeginTurn) -> object:
    """Make a conversation and begin a turn; give what the model gets, or the refusal."""
    store.sessions.create(new)
    for one in talk:
        asked = turn_in(new, content=one.question, token_estimate=one.tokens)
        run = store.runs.begin_turn(asked).run
        store.runs.settle_turn(settlement_of(run, text=one.answer, finish_reason=one.reason))
    try:
        begun = store.runs.begin_turn(turn)
    except CharlaError as refused:
        return type(refused), refused.detail, refused.errors
    return begun.context, begun.max_tokens, begun.model, begun.system_prompt


@SHARED
@given(
    talk=st.lists(told, max_size=7),
    prompt=st.sampled_from([None, "", "Be kind.", "Sei nett. " * 5]),
    numbers=st.tuples(st.integers(1, 400), st.integers(0, 120), st.integers(0, 12)),
)
def test_the_context_is_the_one_that_fit_context_makes(
    store: SupabaseStore,
    embedded: SqliteStore,
    *,
    talk: Sequence[Told],
    prompt: str | None,
    numbers: tuple[int, int, int],
) -> None:
    window, tokens, bound = numbers
    new = new_session(new_id(), system_prompt=prompt)
    small = replace(SMALL, window=window, max_output=40)
    turn = turn_in(
        new,
        offers=Offers([small], small, "scripted"),
        token_estimate=tokens,
        context_messages=bound,
    )

    assert outcome(store, new, talk, turn) == outcome(embedded, new, talk, turn)


names = st.sampled_from(["small", "large", "other", ANY_MODEL])
providers = st.sampled_from(["scripted", "local", "openai"])
models = st.builds(
    replace, st.sampled_from([SMALL, LARGE]), provider=providers, name=names, reasons=st.booleans()
)
choices = st.builds(
    ModelChoice,
    st.none() | providers | st.sampled_from(["", "nobody"]),
    st.none() | names | st.sampled_from(["", "llama:8b", "it's"]),
)


def picked(offers: Offers, choice: ModelChoice) -> Model | str:
    """Pick by the domain's rule; give the model, or the sentence of the refusal."""
    try:
        return offers.pick(choice)
    except ModelNotAvailable as refused:
        return refused.detail


@SHARED
@given(
    offered=st.lists(models, min_size=1, max_size=4),
    default=models,
    of_turn=choices,
    of_session=choices,
    provider=providers,
)
def test_the_model_is_the_one_that_offers_pick_finds(
    store: SupabaseStore,
    *,
    offered: list[Model],
    default: Model,
    of_turn: ModelChoice,
    of_session: ModelChoice,
    provider: str,
) -> None:
    offers = Offers(offered, default, provider)
    new = new_session(new_id(), choice=of_session)
    turn = turn_in(new, new_session=new, offers=offers, choice=of_turn)
    try:
        found: Model | str = store.runs.begin_turn(turn).model
    except ModelNotAvailable as refused:
        found = refused.detail

    assert found == picked(offers, of_turn or of_session)


def test_a_turn_is_two_round_trips(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    supabase.requests.clear()

    run = store.runs.begin_turn(turn_in(session, key=KEY, max_active_runs=5)).run
    store.runs.settle_turn(settlement_of(run))

    functions = [request.rpartition("/")[2] for request in supabase.requests()]
    assert functions == ["begin_turn", "settle_turn"]


@pytest.mark.parametrize("bound", [0, 1000])
def test_a_turn_reads_no_more_messages_than_the_window_holds(
    supabase: SupabaseStack, session: Session, bound: int
) -> None:
    supabase.sql(CHAIN, session.id, session.user_id)

    [read] = supabase.sql(READ, bound)

    # 300 tokens hold 20 messages of 15; each is looked at and read, and then one that is too many.
    assert read == {"messages": 20, "lookups": 2 * 20 + 1}


def test_every_other_call_is_one_round_trip(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    user_id = session.user_id
    supabase.requests.clear()

    store.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(1, "text"))], NOW)
    store.runs.states([run.id])
    store.runs.get(user_id, run.id)
    store.runs.latest(user_id, session.id)
    store.runs.text(user_id, run.id)
    store.runs.progress(user_id, run.id)
    store.runs.request_stop(user_id, run.id, NOW)
    store.runs.claim_dead("other", [WORKER], 1)
    store.sessions.get(user_id, session.id)
    store.sessions.list(user_id, SessionFilter(limit=10, query="text"))
    store.messages.branch(user_id, session.id, 10)
    store.sessions.delete(user_id, store.sessions.create(new_session(user_id), KEY).id)
    store.users.tenant_id()
    store.users.tenant_id()
    store.ping()

    assert len(supabase.requests()) == 15


def test_metadata_comes_back_as_it_was_given(store: SupabaseStore) -> None:
    metadata = {"z": 10**40, "a": {"y": 1.0, "b": None}, "m": [1e300, "\u2028"]}

    made = store.sessions.create(new_session(new_id(), metadata=metadata))

    assert str(made.metadata) == str(metadata)


def test_the_same_offers_are_encoded_once(store: SupabaseStore, session: Session) -> None:
    changed = Offers([SMALL], SMALL, "scripted")

    begun = [
        store.runs.begin_turn(turn_in(new, new_session=new, offers=offers)).model
        for offers in (OFFERS, OFFERS, changed, OFFERS)
        for new in [new_session(session.user_id)]
    ]

    assert begun == [LARGE, LARGE, SMALL, LARGE]
