"""What a call passes before it goes out: how its outcome is told, and what is given back."""

from dataclasses import replace

import gevent
import pytest
from gevent.event import Event
from worlds.held_admission import HeldBreakers, HeldQuotas, Hold
from worlds.played import PlayedProvider
from worlds.run_world import USAGE, MakeWorld, quick, said

from services.admission.quotas.base import Quota, Reservation
from services.admission.quotas.local import LocalQuotas
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Done, Error
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Ending

ONE_TRY = RetryRules(retries=0, min_seconds=0, max_seconds=0, retry_after_max=120)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("upstream_overloaded", "failed"),
        ("upstream_unauthorized", "failed"),
        ("upstream_rate_limited", "released"),
        ("upstream_rejected", "released"),
        ("model_not_found", "released"),
    ],
)
def test_only_a_fault_of_the_upstream_moves_its_breaker(
    make_world: MakeWorld, code: str, told: str
) -> None:
    breakers = HeldBreakers(Hold())
    world = make_world(
        [ProviderError("No.", code=FailureCode(code))], breakers=breakers, rules=ONE_TRY
    )

    world.story_of(world.launch())

    assert breakers.told == [("scripted", told)]


def test_a_failure_after_the_first_word_does_not_move_the_breaker(make_world: MakeWorld) -> None:
    breakers = HeldBreakers(Hold())
    cut = ProviderError("Cut.", code=FailureCode.CUT, may_retry=True)
    world = make_world([Content("half"), cut], breakers=breakers)

    world.story_of(world.launch())

    assert breakers.told == [("scripted", "succeeded")]


def test_a_call_reserves_its_longest_answer_and_gives_back_what_it_did_not_use(
    make_world: MakeWorld,
) -> None:
    goes_on = Event()
    quotas = HeldQuotas(Hold(), {"scripted": Quota(tokens=50_000)})
    world = make_world([goes_on, *said("a")], quotas=quotas)
    living = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    left = quotas.left("scripted").tokens
    assert left is not None
    assert left <= 50_000 - living.plan.first.max_tokens
    goes_on.set()
    world.story_of(living)
    world.wait()

    used = USAGE.input_tokens + USAGE.output_tokens
    assert quotas.left("scripted").tokens == 50_000 - used


def test_a_call_reserves_what_the_model_may_think_too(make_world: MakeWorld) -> None:
    goes_on = Event()
    quotas = HeldQuotas(Hold(), {"scripted": Quota(tokens=50_000)})
    world = make_world([goes_on, *said("a")], quotas=quotas)
    living = world.living(world.begin())
    first = living.plan.first
    thinker = replace(first.model, thinking=2000, max_output=first.max_tokens + 2000)
    living.plan = replace(living.plan, requests=(replace(first, model=thinker),))
    world.runner.launch(living)
    with gevent.Timeout(10):
        world.provider.is_reached.wait()

    left = quotas.left("scripted").tokens
    goes_on.set()
    world.story_of(living)

    assert left is not None
    assert left <= 50_000 - first.max_tokens - 2000


def test_a_place_at_a_provider_that_is_not_asked_is_given_back(make_world: MakeWorld) -> None:
    quotas = LocalQuotas({"elsewhere": Quota(requests=1)}, 60)
    world = make_world(said("a"), quotas=quotas, queue_size=1)
    taken = quotas.reserve("elsewhere", 1)
    assert isinstance(taken, Reservation)
    living = world.living(world.begin())
    living.place = world.queue.hold("elsewhere", "a")
    world.runner.launch(living)

    assert isinstance(world.story_of(living).end, Done)

    world.queue.hold("elsewhere", "a")  # it raises if the queue is full


def test_a_place_of_a_run_that_never_came_to_ask_is_given_back(make_world: MakeWorld) -> None:
    quotas = LocalQuotas({"scripted": Quota(requests=1)}, 60)
    world = make_world(said("a"), quotas=quotas, queue_size=1)
    quotas.reserve("scripted", 1)
    living = world.living(world.begin())
    living.place = world.queue.hold("scripted", "a")
    world.runner.end_all(Ending.INTERRUPTED)
    world.runner.launch(living)
    world.wait()

    world.queue.hold("scripted", "a")


def test_after_a_wait_for_room_the_time_limits_count_again(make_world: MakeWorld) -> None:
    quotas = LocalQuotas({"scripted": Quota(requests=1)}, 0.3)
    world = make_world([Event()], quotas=quotas)
    first = quotas.reserve("scripted", 1)
    assert isinstance(first, Reservation)
    quotas.arrived(first)

    end = world.story_of(world.launch(quick(first_token=0.1))).end

    assert isinstance(end, Error)
    assert end.code == "upstream_timeout"
    assert len(world.provider.requests) == 1


def test_a_switch_to_a_provider_without_room_waits_there(make_world: MakeWorld) -> None:
    quotas = LocalQuotas({"other": Quota(requests=1)}, 0.2)
    other = PlayedProvider(said("b"), name="other")
    busy = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)
    world = make_world([busy], others=[other], quotas=quotas, rules=ONE_TRY)
    first = quotas.reserve("other", 1)
    assert isinstance(first, Reservation)
    quotas.arrived(first)

    assert world.story_of(world.launch()).text == "b"


def test_a_first_call_that_had_to_wait_is_in_the_log_before_it_goes_out(
    make_world: MakeWorld,
) -> None:
    quotas = LocalQuotas({"scripted": Quota(requests=1)}, 0.2)
    world = make_world(said("a"), quotas=quotas)
    first = quotas.reserve("scripted", 1)
    assert isinstance(first, Reservation)
    quotas.arrived(first)
    living = world.launch()

    story = world.story_of(living)

    log = world.log.reader(living.run_id)
    assert log is not None
    batch = log.after(0)
    assert batch is not None
    assert batch.events[1] == living.calls.made[0]
    assert story.text == "a"


def test_the_time_of_the_whole_answer_is_counted_without_the_wait(make_world: MakeWorld) -> None:
    quotas = LocalQuotas({"scripted": Quota(requests=1)}, 0.6)
    world = make_world([0.1, *said("a")], quotas=quotas)
    first = quotas.reserve("scripted", 1)
    assert isinstance(first, Reservation)
    quotas.arrived(first)

    assert world.story_of(world.launch(quick(run=0.5))).text == "a"
