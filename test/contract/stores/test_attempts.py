"""The provider calls of a run, on every store: told by beats, booked at the end, read with it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from worlds.stores import (
    NOW,
    OTHER_WORKER,
    PRICE,
    WORKER,
    answer,
    attempt,
    call,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.costs import Cost, Usage, UsageSource
from services.domain.events import Attempt
from services.domain.runs import AttemptOutcome, ClaimedRun, Piece, Run, RunBeat
from services.domain.sessions import Session
from services.stores.base.store import Store

REFUSED = attempt(
    1, outcome=AttemptOutcome.FAILED, usage=Usage(), cost=None, code="upstream_overloaded"
)
HEDGED = attempt(
    2,
    provider="other",
    model="fallback: ü",
    outcome=AttemptOutcome.CANCELLED,
    usage=Usage(100, 50, 20, 10, UsageSource.ESTIMATED),
    cost=Cost(Decimal("0.000000000000000000012345"), "EUR"),
    code="hedged",
)
WENT_WELL = attempt(3, provider="third")


@pytest.fixture
def run(store: Store, session: Session) -> Run:
    """Give an active run."""
    return store.runs.begin_turn(turn_in(session)).run


def tell(store: Store, run: Run, *calls: Attempt) -> None:
    """Have a beat report these calls."""
    store.runs.beat(WORKER, [RunBeat(run.id, run.epoch, None, calls)], NOW)


def claim(store: Store) -> ClaimedRun:
    """Take the only active run over."""
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    return claimed


def test_an_ended_run_is_read_with_its_attempts_by_their_numbers(store: Store, run: Run) -> None:
    store.runs.settle_turn(settlement_of(run, attempts=[WENT_WELL, REFUSED, HEDGED]))

    settled = store.runs.get(run.user_id, run.id)

    assert settled.attempts == (REFUSED, HEDGED, WENT_WELL)
    assert store.runs.request_stop(run.user_id, run.id, later(9)) == settled


def test_a_run_that_made_no_call_has_no_attempt(store: Store, run: Run) -> None:
    store.runs.settle_turn(settlement_of(run, attempts=[]))

    assert store.runs.get(run.user_id, run.id).attempts == ()


def test_an_active_run_has_no_attempt(store: Store, run: Run) -> None:
    tell(store, run, call(1), call(2))

    assert store.runs.get(run.user_id, run.id).attempts == ()
    assert store.runs.request_stop(run.user_id, run.id, NOW).attempts == ()


def test_attempts_are_of_their_own_run_only(store: Store, session: Session) -> None:
    first = answer(store, session)
    second = store.runs.begin_turn(turn_in(session)).run
    store.runs.settle_turn(settlement_of(second, attempts=[REFUSED]))

    assert store.runs.get(first.user_id, first.id).attempts == (attempt(),)
    assert store.runs.get(second.user_id, second.id).attempts == (REFUSED,)


def test_only_who_asks_for_the_run_itself_is_told_its_attempts(store: Store, run: Run) -> None:
    store.runs.settle_turn(settlement_of(run))
    session = (run.user_id, run.session_id)

    latest = store.runs.latest(*session)

    assert latest == store.runs.states([run.id])[run.id]
    assert latest == replace(store.runs.get(run.user_id, run.id), attempts=())


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [call()],
        [call(1, price=PRICE), call(2, provider="other", model='"ü', price=None), call(3)],
        [call(1), call(2, provider="other"), replace(call(1), is_answer=True)],
    ],
)
def test_a_claim_gives_the_calls_as_a_beat_told_them(
    store: Store, run: Run, calls: list[Attempt]
) -> None:
    tell(store, run, *calls)

    assert claim(store).calls == tuple(calls)


def test_a_later_beat_adds_calls_and_never_takes_any_away(store: Store, run: Run) -> None:
    tell(store, run, call(1))
    tell(store, run, call(1), call(2, provider="other"))
    tell(store, run, call(1))
    tell(store, run)
    tell(store, run, call(1, provider="wrong"), call(2, provider="wrong"))

    assert claim(store).calls == (call(1), call(2, provider="other"))


def test_calls_that_a_former_owner_tells_of_are_not_stored(store: Store, run: Run) -> None:
    tell(store, run, call(1))
    claim(store)
    late = RunBeat(run.id, 1, None, [call(1), call(2)])
    store.runs.beat(WORKER, [late], NOW)
    store.runs.beat(OTHER_WORKER, [late], NOW)

    [claimed] = store.runs.claim_dead("third", [OTHER_WORKER], 10)

    assert claimed.calls == (call(1),)


def test_a_run_that_nobody_writes_is_told_with_its_calls(store: Store, run: Run) -> None:
    tell(store, run, call(1), call(2, price=PRICE))

    [unlisted] = store.runs.beat(WORKER, [], NOW).unlisted

    assert unlisted.calls == (call(1), call(2, price=PRICE))


def test_the_calls_of_many_runs_are_stored_in_one_beat(store: Store, user_id: str) -> None:
    sessions = [store.sessions.create(new_session(user_id)) for _ in range(20)]
    runs = [store.runs.begin_turn(turn_in(session)).run for session in sessions]
    beats = [
        RunBeat(run.id, 1, Piece(2, "x"), [call(model=f"model {number}")])
        for number, run in enumerate(runs)
    ]

    store.runs.beat(WORKER, [*beats, RunBeat(new_id(), 1, None, [call()])], NOW)

    claimed = store.runs.claim_dead(OTHER_WORKER, [WORKER], 20)
    assert [one.calls[0].model for one in claimed] == [f"model {number}" for number in range(20)]
