"""Whatever became of the answers, a context holds what the rule says."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strict.talk import Talk
from worlds.stores import new_id, new_session, settlement_of, turn_in

from services.domain.context import alternating
from services.domain.sessions import FinishReason, MessageRole
from services.stores.sqlite.store import SqliteStore

Told = tuple[str, FinishReason | None]
"""An answer, and why it ended; None: it failed, or was interrupted."""

SHARED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
reasons = st.sampled_from([*FinishReason, None])
talks = st.lists(st.tuples(st.sampled_from(["", " \n", "answer"]), reasons), max_size=8)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """Give a store that all examples share."""
    with closing(SqliteStore.open(tmp_path_factory.mktemp("history"))) as store:
        yield store


def by_the_rule(talk: Sequence[Told], bound: int) -> list[str]:
    """Say which texts go to the model before a new message."""
    said = Talk()
    for number, (text, reason) in enumerate(talk):
        is_refused = reason is FinishReason.CONTENT_FILTER
        answer = f"{text} {number}" if text.strip() else text
        said.take(f"question {number}", answer, is_refused=is_refused)
    seen = said.told()
    newest = seen[-(bound - 1) :] if bound else seen
    return newest[1:] if newest and newest[0].startswith("answer") else newest


def begun_after(store: SqliteStore, talk: Sequence[Told], bound: int) -> Sequence[tuple[str, str]]:
    """Have a talk, begin one more turn, and give what the model is told: roles and texts."""
    session = store.sessions.create(new_session(new_id()))
    for number, (text, reason) in enumerate(talk):
        run = store.runs.begin_turn(turn_in(session, content=f"question {number}")).run
        said = f"{text} {number}" if text.strip() else text
        store.runs.settle_turn(settlement_of(run, text=said, finish_reason=reason))
    begun = store.runs.begin_turn(turn_in(session, content="new", context_messages=bound))
    return [(one.role, one.content) for one in alternating(begun.context)]


@SHARED
@given(talk=talks, bound=st.sampled_from([0, 4, 5, 6, 10]))
def test_a_model_is_told_all_that_nobody_refused_and_nothing_else(
    embedded: SqliteStore, *, talk: Sequence[Told], bound: int
) -> None:
    told = begun_after(embedded, talk, bound)

    expected = [*by_the_rule(talk, bound), "new"]
    assert [text for _, joined in told for text in joined.split("\n\n")] == expected
    turns = [MessageRole.USER, MessageRole.ASSISTANT] * len(told)
    assert [role for role, _ in told] == turns[: len(told)]
    assert told[-1][0] is MessageRole.USER
