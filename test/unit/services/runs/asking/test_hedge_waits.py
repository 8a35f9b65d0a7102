"""A race in which one call waits for room at its provider."""

import gevent
from gevent.event import Event
from subjects.hedging import BUSY, SOON, rows_of
from worlds.held_admission import HeldQuotas, Hold
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, quick, said

from services.admission.quotas.base import Quota
from services.domain.events import Content, Error, Finish
from services.domain.sessions import FinishReason


def test_an_answer_tells_nobody_any_more_that_the_other_call_waits(make_world: MakeWorld) -> None:
    speaks, ends = Event(), Event()
    quotas = HeldQuotas(Hold(), {"other": Quota(requests=1)})
    other = PlayedProvider([Event()], name="other")
    script = [speaks, Content("a"), ends, Finish(FinishReason.STOP)]
    world = make_world(script, others=[other], hedge_seconds=SOON, quotas=quotas)
    quotas.reserve("other", 1)
    living = world.launch()
    with gevent.Timeout(10):
        while not world.queue.waiting("other"):
            gevent.sleep(0.001)
    reader = world.log.reader(living.run_id)
    assert reader is not None
    assert reader.status() is not None
    speaks.set()
    with gevent.Timeout(10):
        while world.queue.waiting("other"):
            gevent.sleep(0.001)

    assert reader.status() is None
    ends.set()
    assert world.story_of(living).text == "a"
    assert other.requests == []


def test_the_time_limits_hold_while_only_the_other_call_waits(make_world: MakeWorld) -> None:
    quotas = HeldQuotas(Hold(), {"scripted": Quota(requests=1)})
    other = PlayedProvider([Event()], name="other")
    world = make_world(said("no"), others=[other], hedge_seconds=SOON, quotas=quotas)
    quotas.reserve("scripted", 1)

    end = world.story_of(world.launch(quick(first_token=0.2))).end

    assert isinstance(end, Error)
    assert end.code == "upstream_timeout"
    assert rows_of(world) == [("other", "failed", "upstream_timeout")]


def test_a_call_that_went_out_does_not_end_the_wait_of_the_other(make_world: MakeWorld) -> None:
    fails = Event()
    quotas = HeldQuotas(Hold(), {"scripted": Quota(requests=1)})
    other = PlayedProvider([fails, BUSY], name="other")
    world = make_world(said("no"), others=[other], hedge_seconds=SOON, quotas=quotas)
    quotas.reserve("scripted", 1)
    living = world.launch(quick(run=0.15))
    with gevent.Timeout(10):
        other.is_reached.wait()
    fails.set()
    gevent.sleep(0.3)

    assert living.run_id in world.runner
