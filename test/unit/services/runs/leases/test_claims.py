"""How a run ends whose worker died, according to its beats and its log."""

from dataclasses import replace
from decimal import Decimal

import pytest
from worlds.stores import NOW, PRICE, UNKNOWN_RUN, call, done

from services.domain.costs import Cost, Price, Usage, UsageSource
from services.domain.events import Attempt, Done, Error
from services.domain.runs import AttemptOutcome, AttemptRecord, ClaimedRun, Settlement
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.ending import settlement_codec
from services.runs.leases.claims import settlement_of
from services.streams.base import Remains

DEAR = Price(Decimal(100), Decimal(1000), Decimal(50))
BEGUN = replace(UNKNOWN_RUN, epoch=2)
FIRST = call(1, price=PRICE)
SECOND = call(2, provider="other", model="fallback", price=DEAR)
SENT = 20
USAGE = Usage(SENT, 2, source=UsageSource.ESTIMATED)
"""What the last call of `claim` used: it wrote eight bytes."""


def claim(*calls: Attempt, text: str = "12345678", stop: bool = False) -> ClaimedRun:
    """Describe a run that was taken over."""
    return ClaimedRun(BEGUN, text, 5, stop, calls, SENT, PRICE)


def booked(settlement: Settlement) -> list[tuple[int, str, str, str]]:
    """Give what the ledger says of each call: which call it was, and how it ended."""
    return [
        (one.number, f"{one.provider}/{one.model}", str(one.outcome), one.code)
        for one in settlement.attempts
    ]


def told(settlement: Settlement) -> Error:
    """Give the terminal event of a run that failed."""
    assert isinstance(settlement.terminal, Error)
    return settlement.terminal


def failure(code: str) -> Error:
    """Describe an end that was told."""
    return Error(
        code=code,
        message="It is broken.",
        retryable=True,
        message_id=BEGUN.message_id,
        usage=USAGE,
        cost=None,
        persisted=False,
    )


def test_each_call_is_booked_at_its_own_provider_and_the_last_with_the_text() -> None:
    settlement = settlement_of(claim(FIRST, SECOND), None)

    assert settlement.attempts == [
        AttemptRecord(
            number=1,
            provider="scripted",
            model="large",
            outcome=AttemptOutcome.FAILED,
            usage=Usage(),
            cost=Cost(Decimal(0)),
        ),
        AttemptRecord(
            number=2,
            provider="other",
            model="fallback",
            outcome=AttemptOutcome.FAILED,
            usage=USAGE,
            cost=DEAR.cost(USAGE),
            code="interrupted",
        ),
    ]
    assert (settlement.provider, settlement.model) == ("other", "fallback")
    assert (told(settlement).usage, told(settlement).cost) == (USAGE, DEAR.cost(USAGE))
    assert (settlement.status, settlement.terminal_seq) == (MessageStatus.INTERRUPTED, 6)


def test_a_call_that_only_the_log_tells_of_is_booked_too() -> None:
    settlement = settlement_of(claim(FIRST), Remains(calls=[SECOND]))

    assert booked(settlement) == [
        (1, "scripted/large", "failed", ""),
        (2, "other/fallback", "failed", "interrupted"),
    ]


def test_a_first_call_that_nobody_told_of_went_to_the_model_of_the_begin() -> None:
    settlement = settlement_of(claim(), Remains(calls=[SECOND]))

    assert [(one.model, one.usage) for one in settlement.attempts] == [
        ("large", Usage()),
        ("fallback", USAGE),
    ]


def test_a_call_that_both_tell_of_is_booked_once() -> None:
    settlement = settlement_of(claim(FIRST, SECOND), Remains(calls=[SECOND]))

    assert [one.number for one in settlement.attempts] == [1, 2]


@pytest.mark.parametrize("text", ["", "some"])
def test_without_any_call_told_one_went_out_at_the_price_of_the_begin(text: str) -> None:
    settlement = settlement_of(claim(text=text), None)

    assert booked(settlement) == [(1, "scripted/large", "failed", "interrupted")]
    assert told(settlement).cost == PRICE.cost(told(settlement).usage)
    assert (settlement.provider, settlement.model) == ("scripted", "large")


def test_a_run_that_no_worker_launched_made_no_call() -> None:
    unlaunched = replace(claim(text=""), run=replace(BEGUN, epoch=1))

    settlement = settlement_of(unlaunched, None)

    assert (settlement.attempts, settlement.provider, settlement.model) == ([], None, None)
    assert told(settlement).usage == Usage(source=UsageSource.ESTIMATED)
    assert told(settlement).cost is None


def test_what_the_last_call_cost_is_not_known_where_its_price_is_not() -> None:
    settlement = settlement_of(claim(FIRST, replace(SECOND, price=None)), None)

    assert [one.cost for one in settlement.attempts] == [Cost(Decimal(0)), None]
    assert told(settlement).cost is None


def test_a_call_that_an_older_release_logged_has_the_price_of_the_begin() -> None:
    settlement = settlement_of(claim(), Remains(calls=[call(2)]))

    assert [one.cost for one in settlement.attempts] == [Cost(Decimal(0)), PRICE.cost(USAGE)]


def test_a_run_that_was_to_be_stopped_names_who_wrote_its_text() -> None:
    settlement = settlement_of(claim(FIRST, SECOND, stop=True), None)

    assert isinstance(settlement.terminal, Done)
    assert settlement.terminal.finish_reason is FinishReason.STOPPED
    assert (settlement.terminal.provider, settlement.terminal.model) == ("other", "fallback")
    assert booked(settlement)[1] == (2, "other/fallback", "cancelled", "stopped")


def test_an_end_that_was_told_books_the_call_that_it_names() -> None:
    terminal = done(BEGUN, persisted=False)
    remains = Remains(terminal=terminal, told_epoch=1, calls=[SECOND])

    settlement = settlement_of(claim(FIRST), remains)

    assert settlement.terminal == replace(terminal, persisted=True)
    assert (settlement.told_epoch, settlement.terminal_seq) == (1, 5)
    assert booked(settlement) == [
        (1, "scripted/large", "ok", ""),
        (2, "other/fallback", "failed", ""),
    ]
    assert [one.usage for one in settlement.attempts] == [terminal.usage, Usage()]
    assert (settlement.provider, settlement.model) == ("scripted", "large")


@pytest.mark.parametrize(
    ("terminal", "end"),
    [
        (failure("upstream_cut"), ("failed", "upstream_cut")),
        (done(BEGUN, finish_reason=FinishReason.STOPPED), ("cancelled", "stopped")),
        (done(BEGUN, finish_reason=FinishReason.LENGTH), ("ok", "")),
        (done(BEGUN, provider="unheard", model="of"), ("ok", "")),
    ],
)
def test_an_end_that_was_told_says_how_the_last_call_ended(
    terminal: Done | Error, end: tuple[str, str]
) -> None:
    settlement = settlement_of(claim(FIRST), Remains(terminal=terminal, told_epoch=1))

    names = terminal if isinstance(terminal, Done) else FIRST
    assert booked(settlement) == [(1, "scripted/large", *end)]
    assert (settlement.provider, settlement.model) == (names.provider, names.model)
    assert [(one.usage, one.cost) for one in settlement.attempts] == [
        (terminal.usage, terminal.cost)
    ]


def test_an_end_that_was_kept_is_settled_as_it_was() -> None:
    kept = Settlement(
        run_id=BEGUN.id,
        epoch=1,
        status=MessageStatus.COMPLETE,
        finish_reason=FinishReason.STOP,
        text="all of it",
        terminal=done(BEGUN),
        terminal_seq=9,
        ended_at=NOW,
        attempts=(),
        provider="other",
        model="fallback",
        token_count=3,
    )
    remains = Remains(outcome=settlement_codec.encode(kept), terminal=kept.terminal, told_epoch=7)

    settlement = settlement_of(claim(FIRST), remains)

    assert settlement == replace(kept, epoch=2, told_epoch=7)


def test_a_run_whose_beats_told_of_no_call_waited_for_room() -> None:
    settlement = settlement_of(claim(text=""), None, has_beaten=True)

    assert not settlement.attempts
    assert told(settlement).usage.input_tokens == 0


def test_a_call_that_went_out_after_a_wait_is_in_the_log() -> None:
    settlement = settlement_of(claim(text=""), Remains(calls=[FIRST]), has_beaten=True)

    assert booked(settlement) == [(1, "scripted/large", "failed", "interrupted")]


def test_a_text_was_written_by_a_call_whatever_the_beats_told() -> None:
    settlement = settlement_of(claim(text="some"), None, has_beaten=True)

    assert len(settlement.attempts) == 1


def answering(one: Attempt) -> Attempt:
    """Tell of a call again, after another call was hedged away for it."""
    return replace(one, is_answer=True)


@pytest.mark.parametrize(
    ("beaten", "logged"),
    [
        ([FIRST, SECOND, answering(FIRST)], []),
        ([FIRST, SECOND], [SECOND, answering(FIRST)]),
        ([], [SECOND, answering(FIRST)]),
    ],
)
def test_of_a_hedged_pair_the_one_that_answered_is_booked_with_the_text(
    beaten: list[Attempt], logged: list[Attempt]
) -> None:
    settlement = settlement_of(claim(*beaten), Remains(calls=logged))

    lost = Usage(input_tokens=SENT, source=UsageSource.ESTIMATED)
    assert booked(settlement) == [
        (1, "scripted/large", "failed", "interrupted"),
        (2, "other/fallback", "cancelled", "hedged"),
    ]
    assert [one.usage for one in settlement.attempts] == [USAGE, lost]
    assert [one.cost for one in settlement.attempts] == [PRICE.cost(USAGE), DEAR.cost(lost)]
    assert (told(settlement).usage, told(settlement).cost) == (USAGE, PRICE.cost(USAGE))
    assert (settlement.provider, settlement.model) == ("scripted", "large")


def test_a_hedged_answer_whose_failure_was_told_is_booked_so() -> None:
    remains = Remains(terminal=failure("upstream_cut"), told_epoch=1)

    settlement = settlement_of(claim(FIRST, SECOND, answering(FIRST)), remains)

    assert booked(settlement) == [
        (1, "scripted/large", "failed", "upstream_cut"),
        (2, "other/fallback", "cancelled", "hedged"),
    ]


def test_a_hedged_answer_that_was_to_be_stopped_names_who_wrote_it() -> None:
    settlement = settlement_of(claim(FIRST, SECOND, answering(FIRST), stop=True), None)

    assert isinstance(settlement.terminal, Done)
    assert (settlement.terminal.provider, settlement.terminal.cost) == (
        "scripted",
        PRICE.cost(USAGE),
    )
