"""Beats, claims and workers, on every store."""

from collections.abc import Sequence

import pytest
from worlds.stores import (
    NOW,
    OTHER_WORKER,
    PRICE,
    WORKER,
    answer,
    call,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.errors.requests import NotFound
from services.domain.runs import BeatReply, Piece, Run, RunBeat, Settled
from services.domain.sessions import Session
from services.stores.base.store import Store


@pytest.fixture
def run(store: Store, session: Session) -> Run:
    """Give an active run of the worker."""
    return store.runs.begin_turn(turn_in(session)).run


def active_runs(store: Store, user_id: str, count: int, worker: str = WORKER) -> list[Run]:
    """Begin so many runs, each in a session of its own."""
    sessions = [store.sessions.create(new_session(user_id)) for _ in range(count)]
    return [store.runs.begin_turn(turn_in(one, worker_id=worker)).run for one in sessions]


def beat(store: Store, *beats: RunBeat, worker: str = WORKER) -> BeatReply:
    """Beat once."""
    return store.runs.beat(worker, beats, NOW)


def ids(runs: Sequence[Run]) -> list[str]:
    """Name the runs."""
    return [run.id for run in runs]


def test_a_beat_of_a_quiet_worker_tells_nothing(store: Store, run: Run) -> None:
    assert beat(store, RunBeat(run.id, 1)) == BeatReply()


def test_pieces_are_put_together_in_the_order_of_their_seq(store: Store, run: Run) -> None:
    for seq, text in ((2, "a"), (10, "b\n"), (9, "🎉")):
        beat(store, RunBeat(run.id, 1, Piece(seq, text)))

    assert store.runs.text(run.user_id, run.id) == "a🎉b\n"


def test_a_piece_that_is_stored_already_is_ignored(store: Store, run: Run) -> None:
    beat(store, RunBeat(run.id, 1, Piece(5, "first")))
    reply = beat(store, RunBeat(run.id, 1, Piece(5, "second")))

    assert reply == BeatReply()
    assert store.runs.text(run.user_id, run.id) == "first"


def test_a_stop_request_is_told_at_every_beat_until_the_end(store: Store, run: Run) -> None:
    assert store.runs.request_stop(run.user_id, run.id, later(1)) == run

    replies = [beat(store, RunBeat(run.id, 1)) for _ in range(2)]

    assert replies == [BeatReply(stop=frozenset({run.id}))] * 2
    store.runs.settle_turn(settlement_of(run))
    assert beat(store) == BeatReply()


def test_a_stop_of_an_ended_run_changes_nothing(store: Store, session: Session) -> None:
    ended = answer(store, session)

    assert store.runs.request_stop(session.user_id, ended.id, later(9)) == ended
    assert store.runs.get(session.user_id, ended.id) == ended


def test_ended_unknown_and_foreign_runs_are_lost(store: Store, run: Run, user_id: str) -> None:
    ended, foreign = active_runs(store, user_id, 2, OTHER_WORKER)
    store.runs.settle_turn(settlement_of(ended))
    unknown = new_id()

    reply = beat(
        store,
        RunBeat(run.id, 1),
        RunBeat(ended.id, 1, Piece(1, "x")),
        RunBeat(foreign.id, 1, Piece(1, "x")),
        RunBeat(unknown, 1, Piece(1, "x")),
        RunBeat("no id", 1),
    )

    assert reply == BeatReply(
        lost=frozenset({ended.id, foreign.id, unknown, "no id"}), others={OTHER_WORKER: 0}
    )
    assert store.runs.text(user_id, foreign.id) == ""


def test_a_claimed_run_is_lost_to_its_old_owner_and_takes_no_text_of_it(
    store: Store, run: Run
) -> None:
    beat(store, RunBeat(run.id, 1, Piece(3, "old")))
    store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    reply = beat(store, RunBeat(run.id, 1, Piece(9, "late")))

    assert reply == BeatReply(lost=frozenset({run.id}), others={OTHER_WORKER: 0})
    assert store.runs.text(run.user_id, run.id) == "old"


def test_an_old_epoch_is_lost_also_to_the_same_worker(store: Store, run: Run) -> None:
    store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    old = beat(store, RunBeat(run.id, 1, Piece(1, "x")), worker=OTHER_WORKER)
    new = beat(store, RunBeat(run.id, 2, Piece(1, "y")), worker=OTHER_WORKER)

    assert [old.lost, new.lost] == [frozenset({run.id}), frozenset()]
    assert store.runs.text(run.user_id, run.id) == "y"


def test_runs_that_the_worker_owns_and_did_not_list_are_told(store: Store, user_id: str) -> None:
    first, second, third = active_runs(store, user_id, 3)
    active_runs(store, user_id, 1, OTHER_WORKER)

    reply = beat(store, RunBeat(second.id, 1))

    assert [unlisted.run for unlisted in reply.unlisted] == [first, third]


def test_many_runs_beat_in_one_call(store: Store, user_id: str) -> None:
    runs = active_runs(store, user_id, 50)

    reply = beat(store, *(RunBeat(run.id, 1, Piece(4, f"text {run.id}"), [call()]) for run in runs))

    assert reply == BeatReply()
    assert [store.runs.text(user_id, run.id) for run in runs] == [f"text {i}" for i in ids(runs)]


def test_a_claim_hands_over_the_run_and_all_that_is_known_of_it(store: Store, run: Run) -> None:
    calls = (call(1), call(2, provider="other", model="x", price=PRICE))
    beat(store, RunBeat(run.id, 1, Piece(3, "Hel"), calls[:1]))
    beat(store, RunBeat(run.id, 1, Piece(8, "lo"), calls))
    beat(store, RunBeat(run.id, 1, None, calls[:1]))
    store.runs.request_stop(run.user_id, run.id, NOW)

    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    assert (claimed.run.id, claimed.run.epoch) == (run.id, 2)
    assert (claimed.text, claimed.top_seq) == ("Hello", 8)
    assert (claimed.calls, claimed.stop_requested) == (calls, True)
    assert store.runs.get(run.user_id, run.id) == claimed.run


def test_a_claim_of_a_run_without_a_beat_has_no_text(store: Store, run: Run) -> None:
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    assert (claimed.run.id, claimed.text, claimed.top_seq) == (run.id, "", 0)
    assert (claimed.calls, claimed.stop_requested) == ((), False)


def test_text_of_all_owners_is_kept_in_order(store: Store, run: Run) -> None:
    beat(store, RunBeat(run.id, 1, Piece(20, "one ")))
    store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    beat(store, RunBeat(run.id, 2, Piece(5, "two")), worker=OTHER_WORKER)

    [claimed] = store.runs.claim_dead("third", [OTHER_WORKER], 10)

    assert (claimed.run.epoch, claimed.text, claimed.top_seq) == (3, "one two", 20)


def test_a_claim_takes_only_active_runs_of_the_named_workers(store: Store, user_id: str) -> None:
    [dead, ended] = active_runs(store, user_id, 2)
    [living] = active_runs(store, user_id, 1, OTHER_WORKER)
    [own] = active_runs(store, user_id, 1, "me")
    store.runs.settle_turn(settlement_of(ended))

    claimed = store.runs.claim_dead("me", [WORKER, "me", "' OR 1"], 10)

    assert [one.run.id for one in claimed] == [dead.id]
    assert store.runs.get(user_id, living.id) == living
    assert store.runs.get(user_id, own.id) == own
    assert store.runs.claim_dead("me", [], 10) == []


def test_a_claim_takes_at_most_its_limit_and_the_oldest_first(store: Store, user_id: str) -> None:
    runs = active_runs(store, user_id, 5)

    claims = [store.runs.claim_dead(OTHER_WORKER, [WORKER], 2) for _ in range(4)]

    assert [[one.run.id for one in claim] for claim in claims] == [
        ids(runs[:2]),
        ids(runs[2:4]),
        ids(runs[4:]),
        [],
    ]


def test_a_claimed_run_is_settled_by_its_new_owner(store: Store, run: Run) -> None:
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    assert claimed.run.id == run.id
    assert store.runs.settle_turn(settlement_of(claimed.run)) is Settled.NOW
    assert store.runs.claim_dead("third", [OTHER_WORKER], 10) == []


def test_workers_are_on_record_from_their_first_begin_or_beat(store: Store, run: Run) -> None:
    beat(store, worker=OTHER_WORKER)
    beat(store, worker=OTHER_WORKER)

    assert run.is_active
    assert beat(store, worker="me").others == {WORKER: 0, OTHER_WORKER: 2}
    assert beat(store, worker=WORKER).others == {"me": 1, OTHER_WORKER: 2}
    assert beat(store, worker="me").others == {WORKER: 1, OTHER_WORKER: 2}


def test_a_claimer_is_on_record_before_its_first_beat(store: Store, run: Run) -> None:
    store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)

    assert run.is_active
    assert beat(store, worker="me").others == {WORKER: 0, OTHER_WORKER: 0}


def test_only_workers_without_active_runs_are_forgotten(store: Store, run: Run) -> None:
    beat(store, worker=OTHER_WORKER)
    beat(store, worker="third")

    store.runs.forget_workers([WORKER, OTHER_WORKER, "unknown"])

    assert set(beat(store, worker="me").others) == {"third", WORKER}
    store.runs.settle_turn(settlement_of(run))
    store.runs.forget_workers([WORKER, "third"])
    assert beat(store, worker="me").others == {}


def test_progress_is_the_text_of_all_owners_and_how_far_it_reaches(store: Store, run: Run) -> None:
    assert store.runs.progress(run.user_id, run.id) == Piece(0, "")
    beat(store, RunBeat(run.id, 1, Piece(3, "one ")), RunBeat(run.id, 1, Piece(5, "two ")))
    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    beat(store, RunBeat(run.id, 2, Piece(6, "three")), worker=OTHER_WORKER)

    assert store.runs.progress(run.user_id, run.id) == Piece(6, "one two three")
    with pytest.raises(NotFound):
        store.runs.progress(new_id(), run.id)
    store.runs.settle_turn(settlement_of(claimed.run))
    assert store.runs.progress(run.user_id, run.id) == Piece(0, "")
