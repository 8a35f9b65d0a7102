"""Calls over several endpoints: the least busy one that is well, and never a lost rest."""

from collections.abc import Callable, Generator
from dataclasses import replace

import gevent
import pytest
import structlog
from gevent.event import Event
from wires.calls import Outcome, collect, request_to
from worlds.played import PlayedProvider, Step
from worlds.stores import LARGE, SMALL

from services.domain.catalog import ANY_MODEL, Model
from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.sessions import FinishReason
from services.providers.base import ProviderRequest
from services.providers.spread import SpreadProvider

Stream = Generator[ProviderEvent, None, None]

REST = 5.0
GOOD: tuple[Step, ...] = (Content("a"), Content("b"), Finish(FinishReason.STOP))


class Clock:
    """A time that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        """Tell it."""
        return self.now


def fails(code: str = "upstream_overloaded", **fields: object) -> ProviderError:
    """Make a failure that may be tried again, unless told otherwise."""
    given: dict[str, object] = {"may_retry": True} | fields
    return ProviderError("No.", code=code, **given)  # type: ignore[arg-type]  # a test's own words


class Kept(PlayedProvider):
    """An endpoint whose streams are referred to, so that only `close` closes them."""

    def __init__(self, *scripts: tuple[Step, ...]) -> None:
        """Take the scripts."""
        super().__init__(*scripts)
        self.streams: list[Stream] = []

    def stream(self, request: ProviderRequest) -> Stream:
        """Keep what is given."""
        self.streams.append(super().stream(request))
        return self.streams[-1]


class Spread:
    """Endpoints that play scripts, and how often each was asked."""

    def __init__(self, *scripts: list[tuple[Step, ...]]) -> None:
        """Make an endpoint for each list of scripts."""
        self.clock = Clock()
        self.played = [Kept(*each) for each in scripts]
        self.provider = SpreadProvider(self.played, rest_seconds=REST, clock=self.clock)

    def ask(self) -> Outcome:
        """Make a call and read it to its end."""
        return collect(self.open())

    def open(self) -> Stream:
        """Make a call that nobody reads yet."""
        return self.provider.stream(request_to(self.provider))

    @property
    def asked(self) -> list[int]:
        """Count the calls of each endpoint."""
        return [len(each.requests) for each in self.played]


def test_calls_one_after_the_other_go_round() -> None:
    spread = Spread([GOOD], [GOOD], [GOOD])

    outcomes = [spread.ask() for _ in range(6)]

    assert [outcome.text for outcome in outcomes] == ["ab"] * 6
    assert spread.asked == [2, 2, 2]


def test_calls_at_once_go_where_the_fewest_are_under_way() -> None:
    spread = Spread([GOOD], [GOOD])
    streams = [spread.open() for _ in range(4)]
    for stream in streams:
        next(stream)
    streams[0].close()
    streams[2].close()

    next(spread.open())
    next(spread.open())

    assert spread.asked == [4, 2]


def test_nothing_goes_out_before_the_first_event_is_asked_for() -> None:
    spread = Spread([GOOD])

    spread.open().close()

    assert spread.asked == [0]


@pytest.mark.parametrize(
    "error",
    [
        fails(),
        fails("upstream_unreachable"),
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

    assert first.error is error
    assert (error.retryable, error.retry_after) == (True, None)
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


def end_by_closing(stream: Stream) -> None:
    stream.close()


def end_by_throwing(stream: Stream) -> None:
    with pytest.raises(KeyError):
        stream.throw(KeyError("mine"))


@pytest.mark.parametrize("end", [end_by_closing, end_by_throwing])
@pytest.mark.parametrize("events", [1, 2])
def test_an_end_from_outside_closes_the_endpoints_stream_and_frees_it(
    end: Callable[[Stream], None], events: int
) -> None:
    spread = Spread([GOOD], [GOOD])
    stream = spread.open()
    for _ in range(events):
        next(stream)

    end(stream)
    spread.ask()
    spread.ask()

    assert spread.played[0].journal[:2] == ["called", "closed"]
    assert spread.asked == [2, 1]


def model(name: str) -> Model:
    return replace(SMALL, name=name)


def test_a_model_is_asked_of_a_server_that_lists_it_or_may_know_it() -> None:
    spread = Spread([GOOD], [GOOD], [GOOD])
    first, second, unknown = spread.played
    first.models = (model("a"), model(ANY_MODEL))
    second.models = (model("b"), model(ANY_MODEL))
    unknown.models = (model(ANY_MODEL),)
    for _ in range(4):
        collect(spread.provider.stream(request_to(spread.provider, model="b")))

    assert spread.asked == [0, 2, 2]


def test_a_model_that_no_server_lists_is_asked_of_any() -> None:
    spread = Spread([GOOD], [GOOD])

    for _ in range(4):
        collect(spread.provider.stream(request_to(spread.provider, model="new")))

    assert spread.asked == [2, 2]


def test_the_models_of_all_are_offered_once_and_any_model_last() -> None:
    spread = Spread([GOOD], [GOOD])
    spread.played[0].models = (LARGE, model(ANY_MODEL))
    spread.played[1].models = (SMALL, LARGE, model(ANY_MODEL))

    offered = spread.provider.discover()

    assert [each.name for each in offered] == [LARGE.name, SMALL.name, ANY_MODEL]
    assert spread.provider.models == offered


class Silent(PlayedProvider):
    """An endpoint that lists nothing."""

    def __init__(self, error: ProviderError) -> None:
        """Fail so."""
        super().__init__(GOOD)
        self.error = error
        self.journal = []

    def list_models(self) -> list[str]:
        """Fail."""
        raise self.error

    def warm_up(self) -> None:
        """Note it."""
        self.journal.append("warm")

    def close(self) -> None:
        """Note it."""
        self.journal.append("closed")


def test_a_list_is_what_those_tell_that_answer() -> None:
    spread = SpreadProvider([Silent(fails()), PlayedProvider(GOOD), PlayedProvider(GOOD)])

    with structlog.testing.capture_logs() as lines:
        assert spread.list_models() == [LARGE.name, SMALL.name]
    assert [line["endpoint"] for line in lines] == [1]


def test_a_list_that_nobody_gives_is_the_first_ones_error() -> None:
    first = fails("upstream_unauthorized", may_retry=False)
    spread = SpreadProvider([Silent(first), Silent(fails())])

    with pytest.raises(ProviderError) as raised:
        spread.list_models()
    assert raised.value is first


def test_warming_up_and_closing_reach_every_endpoint() -> None:
    endpoints = [Silent(fails()), Silent(fails())]
    spread = SpreadProvider(endpoints)

    spread.warm_up()
    spread.close()

    assert [each.journal for each in endpoints] == [["warm", "closed"]] * 2
