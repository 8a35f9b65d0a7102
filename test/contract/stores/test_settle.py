"""The end of a turn, on every store."""

from dataclasses import replace
from decimal import Decimal

import pytest
from worlds.stores import (
    NOT_IDS,
    NOW,
    OTHER_WORKER,
    UNKNOWN_ID,
    WORKER,
    answer,
    attempt,
    call,
    done,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.costs import Cost, Usage, UsageSource
from services.domain.errors.requests import NotFound
from services.domain.events import Error, Terminal
from services.domain.runs import Piece, Run, RunBeat, Settled, Settlement
from services.domain.sessions import FinishReason, Message, MessageStatus, Session
from services.stores.base.store import Store


@pytest.fixture
def run(store: Store, session: Session) -> Run:
    """Give an active run with a checkpoint."""
    run = store.runs.begin_turn(turn_in(session)).run
    store.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(3, "Hel"), [call()])], NOW)
    return run


def message_of(store: Store, run: Run) -> Message:
    """Read the answer's message."""
    return store.messages.tree(run.user_id, run.session_id, 1).items[-1]


def failure(run: Run) -> Error:
    """Describe an end by a failure."""
    usage = Usage(3, 0, source=UsageSource.ESTIMATED)
    return Error(
        code="upstream_cut",
        message="The provider's stream ended.",
        retryable=True,
        message_id=run.message_id,
        usage=usage,
        cost=None,
    )


def test_a_settled_run_is_read_with_everything_it_ended_with(store: Store, run: Run) -> None:
    settlement = settlement_of(run)

    assert store.runs.settle_turn(settlement) is Settled.NOW

    assert store.runs.get(run.user_id, run.id) == replace(
        run,
        status=MessageStatus.COMPLETE,
        finish_reason=FinishReason.STOP,
        usage=Usage(10, 5, 2, 1),
        cost=Cost(Decimal("0.000075")),
        ended_at=later(1),
        terminal=settlement.terminal,
        terminal_epoch=1,
        terminal_seq=7,
        attempts=(attempt(),),
    )


def test_the_text_and_the_state_are_the_messages_too(store: Store, run: Run) -> None:
    store.runs.settle_turn(settlement_of(run, text="Hello", status=MessageStatus.STOPPED))

    message = message_of(store, run)

    assert (message.content, message.status) == ("Hello", MessageStatus.STOPPED)
    assert store.runs.text(run.user_id, run.id) == "Hello"


@pytest.mark.parametrize(
    "status", [one for one in MessageStatus if one is not MessageStatus.STREAMING]
)
def test_after_every_end_the_session_is_free(store: Store, run: Run, status: MessageStatus) -> None:
    store.runs.settle_turn(settlement_of(run, status=status))

    assert store.sessions.get(run.user_id, run.session_id).active_run is None
    assert not store.runs.get(run.user_id, run.id).is_active


def test_a_failure_is_kept_as_the_event_it_was(store: Store, run: Run) -> None:
    terminal = failure(run)

    store.runs.settle_turn(
        settlement_of(run, status=MessageStatus.FAILED, finish_reason=None, terminal=terminal)
    )

    settled = store.runs.get(run.user_id, run.id)
    assert settled.terminal == terminal
    assert (settled.finish_reason, settled.usage, settled.cost) == (None, terminal.usage, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": None, "ttft_ms": None, "usage": Usage(source=UsageSource.ESTIMATED)},
        {"cost": Cost(Decimal("123456789.000000000000000001"), "EUR"), "persisted": False},
        {"finish_reason": FinishReason.BUDGET, "total_ms": 2**40},
    ],
)
def test_a_clean_end_is_kept_as_the_event_it_was(
    store: Store, run: Run, changes: dict[str, object]
) -> None:
    terminal: Terminal = done(run, **changes)

    store.runs.settle_turn(settlement_of(run, terminal=terminal))

    settled = store.runs.get(run.user_id, run.id)
    assert settled.terminal == terminal
    assert settled.cost == terminal.cost


def test_money_is_exact(store: Store, run: Run) -> None:
    cost = Cost(Decimal("0.000000000000000000000000012345"))

    store.runs.settle_turn(settlement_of(run, terminal=done(run, cost=cost)))

    assert store.runs.get(run.user_id, run.id).cost == cost
    assert message_of(store, run).cost == cost


def test_run_and_message_name_the_model_that_answered(store: Store, run: Run) -> None:
    store.runs.settle_turn(settlement_of(run, provider="other", model="fallback"))

    settled, message = store.runs.get(run.user_id, run.id), message_of(store, run)
    assert (settled.provider, settled.model) == ("other", "fallback")
    assert (message.provider, message.model) == ("other", "fallback")


def test_a_run_that_nobody_answered_names_the_model_of_its_begin(store: Store, run: Run) -> None:
    attempts = [attempt(1), attempt(2, provider="other", model="fallback")]

    store.runs.settle_turn(settlement_of(run, terminal=failure(run), attempts=attempts))

    settled, message = store.runs.get(run.user_id, run.id), message_of(store, run)
    assert (settled.provider, settled.model) == ("scripted", "large")
    assert (message.provider, message.model) == ("scripted", "large")


def test_an_answer_weighs_what_was_counted_and_else_what_is_estimated(
    store: Store, session: Session, run: Run
) -> None:
    store.runs.settle_turn(settlement_of(run, token_count=123))
    second = store.runs.begin_turn(turn_in(session)).run
    store.runs.settle_turn(settlement_of(second))

    context = store.runs.begin_turn(turn_in(session)).context

    assert [message.token_estimate for message in context] == [2, 123, 2, 3, 2]


def test_a_second_settle_changes_nothing(store: Store, run: Run) -> None:
    store.runs.settle_turn(settlement_of(run))
    before = store.runs.get(run.user_id, run.id)

    again = settlement_of(run, text="other", status=MessageStatus.FAILED, attempts=[attempt(5)])

    assert store.runs.settle_turn(again) is Settled.BEFORE
    assert store.runs.settle_turn(settlement_of(run)) is Settled.BEFORE
    assert store.runs.get(run.user_id, run.id) == before
    assert message_of(store, run).content == "Hello to you"


def test_another_epoch_is_fenced(store: Store, run: Run) -> None:
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    assert store.runs.settle_turn(settlement_of(run)) is Settled.FENCED

    assert store.runs.get(run.user_id, run.id) == claimed.run
    assert store.runs.text(run.user_id, run.id) == "Hel"
    future = settlement_of(run, epoch=3)
    assert store.runs.settle_turn(future) is Settled.FENCED


def test_an_old_owner_is_fenced_even_after_the_new_one_has_settled(store: Store, run: Run) -> None:
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    new_owner = settlement_of(claimed.run, text="Hel", status=MessageStatus.INTERRUPTED)

    assert store.runs.settle_turn(new_owner) is Settled.NOW
    assert store.runs.settle_turn(settlement_of(run)) is Settled.FENCED
    assert message_of(store, run).content == "Hel"


def test_a_run_that_is_gone_had_ended_before(store: Store, session: Session) -> None:
    run = answer(store, session)
    store.sessions.delete(session.user_id, session.id)

    assert store.runs.settle_turn(settlement_of(run)) is Settled.BEFORE


def test_settling_moves_neither_the_branch_nor_the_session(store: Store, run: Run) -> None:
    before = store.sessions.get(run.user_id, run.session_id)

    store.runs.settle_turn(settlement_of(run, ended_at=later(500)))

    after = store.sessions.get(run.user_id, run.session_id)
    assert after == replace(before, active_run=None)
    branch = store.messages.branch(run.user_id, run.session_id, 10).items
    assert [message.id for message in branch] == [run.user_message_id, run.message_id]


def settled_halfway(store: Store, settlement: Settlement, expected: type[Exception]) -> None:
    """Settle with a value that the database must refuse."""
    with pytest.raises(expected):
        store.runs.settle_turn(settlement)


def test_a_settle_that_breaks_in_the_middle_changes_nothing(
    store: Store, run: Run, broken_constraint: type[Exception]
) -> None:
    twice_the_same = settlement_of(run, attempts=[attempt(1), attempt(2), attempt(1)])

    settled_halfway(store, twice_the_same, broken_constraint)

    assert store.runs.get(run.user_id, run.id) == run
    assert store.runs.text(run.user_id, run.id) == "Hel"
    assert message_of(store, run).status is MessageStatus.STREAMING
    two_attempts = settlement_of(run, attempts=[attempt(1), attempt(2)])
    assert store.runs.settle_turn(two_attempts) is Settled.NOW


def test_unknown_runs_had_ended_before(store: Store, run: Run) -> None:
    for run_id in (new_id(), "x"):
        assert store.runs.settle_turn(settlement_of(run, run_id=run_id)) is Settled.BEFORE
    with pytest.raises(NotFound):
        store.runs.get(run.user_id, "x")


def test_a_terminal_keeps_the_place_under_which_it_was_told(store: Store, run: Run) -> None:
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    store.runs.settle_turn(settlement_of(claimed.run, told_epoch=run.epoch))

    settled = store.runs.get(run.user_id, run.id)
    assert (settled.epoch, settled.terminal_epoch, settled.terminal_seq) == (2, 1, 7)


def test_states_tell_of_many_runs_at_once_and_not_of_deleted_ones(
    store: Store, session: Session, run: Run
) -> None:
    store.runs.settle_turn(settlement_of(run))
    foreign = store.sessions.create(new_session(new_id()))
    active = store.runs.begin_turn(turn_in(foreign)).run
    gone = answer(store, store.sessions.create(new_session(new_id())))
    store.sessions.delete(gone.user_id, gone.session_id)

    states = store.runs.states([run.id, active.id, gone.id, UNKNOWN_ID, *NOT_IDS])

    assert states == {
        run.id: replace(store.runs.get(session.user_id, run.id), attempts=()),
        active.id: store.runs.get(foreign.user_id, active.id),
    }
    assert store.runs.states([]) == {}
