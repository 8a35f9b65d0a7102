"""A model that keeps failing is passed over, unless there is no other."""

from subjects.clock import Clock
from subjects.failover import ONE_TRY, TWO_TRIES, booked, failing, failovers
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, said

from services.admission.breakers.base import BreakerRules, BreakerState, Verdict
from services.admission.breakers.local import LocalBreakers
from services.domain.events import Error

REST = 30.0


def test_a_failing_model_is_left_alone_until_one_probe_says_that_it_is_back(
    make_world: MakeWorld,
) -> None:
    other = PlayedProvider(said("b"), name="other")
    script = [[failing()]] * 5
    clock = Clock()
    breakers = LocalBreakers(BreakerRules(open_seconds=REST), clock)
    world = make_world(*script, said("a"), others=[other], rules=ONE_TRY, breakers=breakers)
    for _ in range(5):
        world.story_of(world.launch())
    asked = len(world.provider.requests)

    skipped = world.story_of(world.launch())
    assert len(world.provider.requests) == asked == 5
    assert failovers(skipped) == [{"provider": "other", "model": "large", "code": "circuit_open"}]
    assert [row[0] for row in booked(world)][-1] == "other"

    clock.now += REST
    assert world.story_of(world.launch()).text == "a"
    assert world.breakers.state("scripted", "large") is BreakerState.CLOSED


def test_a_failing_model_is_asked_all_the_same_where_there_is_no_other(
    make_world: MakeWorld,
) -> None:
    world = make_world(*[[failing()]] * 6, said("back"), rules=ONE_TRY)
    for _ in range(6):
        assert isinstance(world.story_of(world.launch()).end, Error)

    assert world.story_of(world.launch()).text == "back"


def test_a_breaker_that_opens_between_two_tries_hides_no_failure(make_world: MakeWorld) -> None:
    other = PlayedProvider([failing("upstream_rejected", may_retry=False)], name="second")
    third = PlayedProvider([failing("upstream_cut")], name="third")
    world = make_world([failing()], others=[other, third], rules=TWO_TRIES)
    for _ in range(4):
        world.breakers.failed("scripted", "large")

    story = world.story_of(world.launch())

    assert isinstance(story.end, Error)
    assert story.end.code == "upstream_overloaded"
    assert [one["code"] for one in failovers(story)] == ["upstream_overloaded", "upstream_rejected"]
    assert len(world.provider.requests) == 1


def test_a_failing_model_without_any_other_is_asked_again_as_often_as_any(
    make_world: MakeWorld,
) -> None:
    other = PlayedProvider(said("no"), name="other")
    world = make_world([failing()], [failing()], said("back"), others=[other])
    for provider in ("scripted", "other"):
        for _ in range(5):
            world.breakers.failed(provider, "large")

    assert world.story_of(world.launch()).text == "back"
    assert (len(world.provider.requests), other.requests) == (3, [])


def test_where_others_probe_all_models_one_is_asked_all_the_same(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    clock = Clock()
    breakers = LocalBreakers(BreakerRules(open_seconds=REST), clock)
    world = make_world(said("a"), others=[other], breakers=breakers)
    for provider in ("scripted", "other"):
        for _ in range(5):
            world.breakers.failed(provider, "large")
    clock.now += REST
    for provider in ("scripted", "other"):
        assert world.breakers.admit(provider, "large") is Verdict.PROBE

    assert world.story_of(world.launch()).text in ("a", "b")
