"""An endpoint that fails rests, and is asked again when it may be well."""

import gevent
import pytest
import structlog
from gevent.event import Event
from subjects.spread import GOOD, REST, Spread, fails

from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Content, ProviderEvent, Reasoning, UsageReport
from services.providers.spread import MOST_REST_SECONDS


@pytest.mark.parametrize(
    "error",
    [
        fails(),
        fails("upstream_unreachable"),
        fails("upstream_unreachable", may_retry=False),
        fails("upstream_rate_limited", retry_after=60.0),
        fails("upstream_rate_limited", may_retry=False),
        fails("upstream_unauthorized", may_retry=False),
        ProviderTimeout("Nothing came."),
    ],
    ids=lambda error: f"{error.code}-{error.retryable}",
)
def test_after_a_failure_the_next_try_lands_on_another_endpoint_and_need_not_wait(
    error: ProviderError,
) -> None:
    spread = Spread([(error,), GOOD], [GOOD])

    first = spread.ask()
    second = spread.ask()
    third = spread.ask()

    told = first.error
    assert told is not None
    assert (type(told), told.code, told.detail) == (type(error), error.code, error.detail)
    assert (told.retryable, told.retry_after) == (True, None)
    assert second.text == third.text == "ab"
    assert spread.asked == [1, 2]


def test_a_request_that_is_wrong_is_as_wrong_elsewhere() -> None:
    spread = Spread([(fails("upstream_rejected", may_retry=False),)], [GOOD])

    error = spread.ask().error
    spread.ask()
    spread.ask()

    assert error is not None
    assert not error.retryable
    assert spread.asked == [2, 1]


@pytest.mark.parametrize("first", [Content("a"), Reasoning("Hm")])
def test_a_failure_after_the_first_token_puts_nobody_to_rest(first: ProviderEvent) -> None:
    spread = Spread([(first, fails("upstream_cut"))], [GOOD])

    for _ in range(4):
        spread.ask()

    assert spread.asked == [2, 2]


def test_a_usage_is_no_first_token() -> None:
    spread = Spread([(UsageReport(Usage(1, 0)), fails())], [GOOD])

    for _ in range(3):
        spread.ask()

    assert spread.asked == [1, 2]


def test_an_endpoint_is_asked_again_after_its_rest_and_serves_as_before() -> None:
    spread = Spread([(fails(),), GOOD], [GOOD])
    spread.ask()
    spread.clock.now += REST

    for _ in range(4):
        assert spread.ask().text == "ab"

    assert spread.asked == [3, 2]


def test_a_rest_is_as_long_as_the_endpoint_asked_for() -> None:
    spread = Spread([(fails("upstream_rate_limited", retry_after=60.0),), GOOD], [GOOD])
    spread.ask()

    spread.clock.now += 59
    spread.ask()
    spread.ask()
    before = spread.asked
    spread.clock.now += 1
    spread.ask()

    assert before == [1, 2]
    assert spread.asked == [2, 2]


@pytest.mark.parametrize("code", ["upstream_unauthorized", "upstream_rate_limited"])
def test_a_key_that_stays_refused_rests_longer_each_time(code: str) -> None:
    refused = (fails(code, may_retry=False),)
    spread = Spread([refused, refused, GOOD, refused, GOOD], [GOOD])

    asked = []
    for seconds in (0, REST, REST, REST, 0, REST):
        spread.clock.now += seconds
        spread.ask()
        spread.ask()
        asked.append(spread.asked[0])

    assert asked == [1, 2, 2, 3, 4, 5]


def test_the_longest_rest_of_a_refused_key_is_short_enough_to_be_paid_up() -> None:
    refused = (fails("upstream_unauthorized", may_retry=False),)
    spread = Spread([refused] * 21, [GOOD])
    for _ in range(20):
        spread.clock.now += MOST_REST_SECONDS
        spread.ask()
        spread.ask()

    assert spread.asked[0] == 20


def test_one_call_at_a_time_tries_an_endpoint_after_its_rest() -> None:
    hold = Event()
    spread = Spread([(fails(),), (hold, fails()), GOOD], [GOOD])
    spread.ask()
    spread.ask()
    spread.clock.now += REST

    trying = gevent.spawn(spread.ask)
    spread.played[0].is_reached.wait(5)
    others = [spread.open() for _ in range(3)]
    for other in others:
        next(other)
    hold.set()
    tried = trying.get(timeout=5)

    assert tried.error is not None
    assert spread.asked == [2, 4]


def test_where_all_rest_calls_still_go_out_and_errors_say_what_upstream_said() -> None:
    limited = [fails("upstream_rate_limited", retry_after=7.0) for _ in range(3)]
    spread = Spread([(limited[0],), (limited[2],)], [(limited[1],)])

    outcomes = [spread.ask() for _ in range(3)]

    assert [o.error.retry_after for o in outcomes if o.error] == [None, 7, 7]
    assert sum(spread.asked) == 3


def test_a_key_that_all_servers_refuse_is_final() -> None:
    refusals = [fails("upstream_unauthorized", may_retry=False) for _ in range(2)]
    spread = Spread([(refusals[0],)], [(refusals[1],)])

    outcomes = [spread.ask() for _ in range(2)]

    assert [o.error.retryable for o in outcomes if o.error] == [True, False]


def test_a_rest_is_told_in_the_log() -> None:
    spread = Spread([(fails(),)], [GOOD])

    with structlog.testing.capture_logs() as lines:
        spread.ask()

    assert [(line["event"], line["endpoint"], line["code"]) for line in lines] == [
        ("endpoint_rests", 1, "upstream_overloaded")
    ]
