"""A queue that is full, what was promised of it, and what refused calls are told."""

import gevent
import pytest
from worlds.queue_room import OPENAI, WAIT_SECONDS, Caller, QueueWorld, RoomQuotas, asking

from services.admission.quotas.base import Quota, QuotaLeft
from services.admission.waiting.burst_queue import BurstQueue
from services.admission.waiting.forecast import Forecast
from services.domain.errors.requests import TooManyRequests


@pytest.fixture
def quotas() -> RoomQuotas:
    return RoomQuotas()


@pytest.fixture
def world(quotas: RoomQuotas) -> QueueWorld:
    return QueueWorld(quotas, size=3)


def turned_away(caller: Caller) -> TooManyRequests:
    """Give what a call was refused with."""
    error = caller.greenlet.exception
    assert isinstance(error, TooManyRequests)
    return error


def test_as_many_as_may_wait_and_the_next_is_turned_away(world: QueueWorld) -> None:
    world.calls("a1", "b1", "c1")

    refused = turned_away(world.call("d1"))

    assert (refused.status, refused.code, refused.retryable) == (429, "queue_full", True)
    assert refused.retry_after == WAIT_SECONDS
    assert refused.detail == (
        "3 answers wait for openai already, as many as may. Try again in 20 s."
    )
    assert world.queue.waiting(OPENAI) == 3


def test_once_one_has_left_another_may_wait(world: QueueWorld) -> None:
    first, *_ = world.calls("a1", "a2", "b1")
    first.greenlet.kill()

    assert world.call("c1").positions == [3]


def test_a_place_counts_as_one_who_waits(world: QueueWorld) -> None:
    places = [world.queue.hold(OPENAI, "a") for _ in range(3)]

    with pytest.raises(TooManyRequests):
        world.queue.hold(OPENAI, "a")
    turned_away(world.call("a"))

    places[0].give_back()
    places[0].give_back()
    world.queue.hold(OPENAI, "a")
    with pytest.raises(TooManyRequests):
        world.queue.hold(OPENAI, "a")


def test_a_promise_is_kept_however_full_it_is(world: QueueWorld, quotas: RoomQuotas) -> None:
    place = world.queue.hold(OPENAI, "a")
    world.calls("a1", "a2")
    turned_away(world.call("a3"))

    caller = world.call("c1", place=place)

    assert caller.positions == [2]
    assert world.queue.waiting(OPENAI) == 3
    turned_away(world.call("a4"))
    quotas.requests = 3
    world.clock.move(0.5)
    assert caller.got


def test_a_place_is_free_again_once_its_call_goes_out(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.requests = 3
    callers = [world.call(name, place=world.queue.hold(OPENAI, "a")) for name in ("a", "b", "c")]
    assert all(caller.got for caller in callers)

    places = [world.queue.hold(OPENAI, "a") for _ in range(3)]

    assert len(set(places)) == 3


def test_a_place_that_is_kept_is_good_for_a_further_call(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.requests = 1
    place = world.queue.hold(OPENAI, "a")
    assert world.call("a1", place=place).got
    world.calls("b1", "b2", "b3")

    assert world.call("a2", place=place).positions == [2]
    place.give_back()
    turned_away(world.call("b4", place=place))


def test_a_place_at_another_provider_promises_nothing(world: QueueWorld) -> None:
    elsewhere = world.queue.hold("local", "a")
    world.calls("a1", "a2", "a3")

    turned_away(world.call("a4", place=elsewhere))


def test_nobody_is_refused_while_there_is_room_for_all(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.requests = 5

    places = [world.queue.hold(OPENAI, "a") for _ in range(5 + 3)]

    with pytest.raises(TooManyRequests):
        world.queue.hold(OPENAI, "a")
    for number, place in enumerate(places):
        assert bool(world.call(f"a{number}", place=place).got) is (number < 5)


def test_room_is_tokens_too(world: QueueWorld, quotas: RoomQuotas) -> None:
    quotas.requests, quotas.tokens = 50, 350
    assert world.call("a1", tokens=100).got

    for _ in range(2 + 3):
        world.queue.hold(OPENAI, "a")

    with pytest.raises(TooManyRequests):
        world.queue.hold(OPENAI, "a")


def test_places_that_only_were_promised_are_free_after_a_window_at_the_latest(
    world: QueueWorld,
) -> None:
    for _ in range(3):
        world.queue.hold(OPENAI, "a")

    with pytest.raises(TooManyRequests) as refused:
        world.queue.hold(OPENAI, "a")

    assert refused.value.retry_after == 60


def test_each_who_is_turned_away_is_told_a_time_of_its_own(world: QueueWorld) -> None:
    world.calls("a1", "a2", "a3")

    told = [turned_away(world.call("a")).retry_after for _ in range(5)]

    each = 60 / 60
    first = WAIT_SECONDS
    assert told == [first, first + each, first + 2 * each, first + 3 * each, first + 3 * each]


def test_what_was_told_long_ago_delays_nobody(world: QueueWorld) -> None:
    world.calls("a1", "a2", "a3")
    for _ in range(5):
        world.call("a")
    world.clock.move(100)

    told = turned_away(world.call("a")).retry_after

    assert told is not None
    assert told == pytest.approx(WAIT_SECONDS, abs=0.5)


def test_who_comes_back_when_it_was_told_has_a_place(quotas: RoomQuotas) -> None:
    world = QueueWorld(quotas, size=10)
    world.calls(*(f"a{number}" for number in range(10)))
    back = sorted(turned_away(world.call("a")).retry_after or 0 for _ in range(10))
    world.clock.move(back[0])

    for come_at, next_at in zip(back, [*back[1:], back[-1]], strict=True):
        quotas.requests = 1  # the window moves by one
        world.clock.move(0.5)
        assert world.call("a").positions
        world.clock.move(max(0, next_at - come_at - 0.5))


def test_tokens_decide_where_they_are_the_tighter_limit() -> None:
    forecast = Forecast(Quota(requests=60, tokens=1000), window_seconds=60)
    forecast.note(100)

    assert forecast.turn_away(0, 5, 9) == 5
    assert forecast.turn_away(0, 5, 9) == 5 + 6
    assert forecast.room(QuotaLeft(requests=50, tokens=999, reset_seconds=1)) == 9
    assert forecast.room(QuotaLeft(requests=3, tokens=999, reset_seconds=1)) == 3
    assert forecast.room(QuotaLeft(requests=3, tokens=None, reset_seconds=1)) == 3


def test_a_call_of_more_tokens_than_there_are_takes_a_window() -> None:
    forecast = Forecast(Quota(tokens=1000), window_seconds=60)
    forecast.note(5000)

    assert forecast.turn_away(0, 5, 9) == 5
    assert forecast.turn_away(0, 5, 9) == 65


def test_what_a_call_takes_is_learned_from_the_latest() -> None:
    forecast = Forecast(Quota(tokens=1000), window_seconds=60)
    for _ in range(100):
        forecast.note(100)
    standing = QuotaLeft(requests=None, tokens=1000, reset_seconds=1)
    assert forecast.room(standing) == 10
    forecast.note(1000)
    assert forecast.room(standing) == 1000 // 190

    for _ in range(100):
        forecast.note(200)

    assert forecast.room(standing) == 5


def test_promises_made_while_the_room_is_looked_up_count() -> None:
    class Slow(RoomQuotas):
        def left(self, provider: str) -> QuotaLeft:
            gevent.sleep(0)
            return super().left(provider)

    slow = Slow(requests=4)
    queue = BurstQueue(slow, 2)

    asked = [gevent.spawn(queue.hold, OPENAI, "a") for _ in range(20)]
    gevent.joinall(asked)

    assert sum(one.successful() for one in asked) == 2 + 4
    assert queue.enter(asking(), asked[0].value)
