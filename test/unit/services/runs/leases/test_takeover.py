"""A new worker and what its dead predecessor told its readers but could not store."""

from contextlib import closing

import gevent
from worlds.run_world import MakeWorld, RunWorld, said
from worlds.stores import OTHER_WORKER

from services.domain.deliveries import Batch
from services.domain.events import Done, Error
from services.domain.sessions import MessageStatus
from services.runs.living.run import Living


def _told(world: RunWorld, model: str = "large") -> Living:
    """Make a run whose end was told, whose store is away, and whose checkpoints are behind."""
    world.runs.away.add("settle_turn")
    living = world.launch(model=model)
    assert not world.story_of(living).end.persisted
    return living


def _files(world: RunWorld) -> list[str]:
    return sorted(file.name for file in (world.folder / "outbox").iterdir())


def _is_whole(world: RunWorld, living: Living) -> None:
    run, text = world.stored(living)
    assert isinstance(run.terminal, Done)
    assert (run.status, run.epoch, text) == (MessageStatus.COMPLETE, 1, "Grüße, 你好")
    told = world.story_of(living)
    assert run.terminal_seq == told.seqs[-1]
    assert (run.usage, run.cost) == (told.end.usage, told.end.cost)
    assert run.cost is not None
    [row] = [row for row in world.ledger() if row["run_id"] == living.run_id]
    assert row["outcome"] == "ok"


def test_an_end_that_was_told_lies_in_the_outbox_until_it_is_stored(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=0.05)
    living = _told(world)
    assert _files(world) == [f"{living.run_id}.json"]

    world.runs.away.clear()
    world.wait()

    assert _files(world) == []


def test_an_end_is_safe_before_its_readers_are_told(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=0.05)
    world.runs.away.add("settle_turn")
    living = world.launch()
    with closing(world.follow(living)) as events:
        for delivery in events:
            if isinstance(delivery, Batch) and isinstance(delivery.events[-1], Done):
                assert _files(world) == [f"{living.run_id}.json"]
                return
    raise AssertionError("no end came")


def test_an_end_that_is_stored_at_once_is_never_written_elsewhere(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    world.launch()
    world.wait()
    assert not (world.folder / "outbox").exists()


def test_a_moment_away_leaves_nothing_in_the_outbox(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=5)
    world.runs.away.add("settle_turn")
    living = world.launch()
    gevent.spawn_later(0.1, world.runs.away.clear)
    assert world.story_of(living).end.persisted
    world.wait()
    assert _files(world) == []


def test_a_new_worker_stores_the_end_that_was_told_and_reaps_the_rest(
    make_world: MakeWorld,
) -> None:
    dead = make_world(said("Grüße, ", "你好"), settle_seconds=0.05)
    told = _told(dead, "small")
    dead.die()
    untold = dead.begin()

    assert make_world(worker_id=OTHER_WORKER).takeover.start()

    _is_whole(dead, told)
    assert (
        dead.store.runs.get(untold.run.user_id, untold.run.id).status is MessageStatus.INTERRUPTED
    )
    assert _files(dead) == []


def test_nothing_is_reaped_while_the_store_is_away_at_the_start(make_world: MakeWorld) -> None:
    dead = make_world(said("Grüße, ", "你好"), settle_seconds=0.05)
    told = _told(dead, "small")
    dead.die()
    new = make_world(worker_id=OTHER_WORKER)
    new.runs.away.add("settle_turn")

    assert not new.takeover.start()

    run, _ = dead.stored(told)
    assert (run.is_active, run.epoch) == (True, 1)
    assert "claim_dead" not in new.runs.journal
    new.runs.away.clear()
    with gevent.Timeout(10):
        new.takeover.finish()
    _is_whole(dead, told)
    assert _files(dead) == []


def test_an_end_that_was_stored_meanwhile_is_only_removed(make_world: MakeWorld) -> None:
    dead = make_world(said("all"), settle_seconds=0.05)
    dead.runs.answers_lost.add("settle_turn")
    living = dead.launch()
    assert not dead.story_of(living).end.persisted
    before = dead.stored(living)
    dead.die()

    make_world(worker_id=OTHER_WORKER).takeover.start()

    assert dead.stored(living) == before
    assert _files(dead) == []
    assert len(dead.ledger()) == 1


def test_an_end_of_a_run_that_was_given_another_one_is_kept_and_changes_nothing(
    make_world: MakeWorld,
) -> None:
    dead = make_world(said("all"), settle_seconds=0.05)
    living = _told(dead)
    dead.die()
    make_world(worker_id=OTHER_WORKER).reap_all_others()

    make_world(worker_id="worker-3").takeover.start()

    assert dead.stored(living)[0].status is MessageStatus.INTERRUPTED
    assert _files(dead) == [f"{living.run_id}.bad"]


def test_a_bad_file_keeps_neither_the_start_nor_its_run_from_an_end(make_world: MakeWorld) -> None:
    dead = make_world([*said("kept")], settle_seconds=0.05)
    living = _told(dead)
    dead.die()
    dead.beat.beat()
    file = dead.folder / "outbox" / f"{living.run_id}.json"
    file.write_bytes(file.read_bytes()[:-9])

    assert make_world(worker_id=OTHER_WORKER).takeover.start()

    run, text = dead.stored(living)
    assert isinstance(run.terminal, Error)
    assert (run.status, text) == (MessageStatus.INTERRUPTED, "kept")
    assert _files(dead) == [f"{living.run_id}.bad"]


def test_an_end_that_the_store_refuses_is_set_aside_and_the_others_are_stored(
    make_world: MakeWorld,
) -> None:
    dead = make_world(said("all"), settle_seconds=0.05)
    refused, good = _told(dead), _told(dead)
    dead.die()
    new = make_world(worker_id=OTHER_WORKER)
    new.runs.poisoned.add(refused.run_id)

    assert new.takeover.start()

    assert dead.stored(good)[0].status is MessageStatus.COMPLETE
    assert _files(dead) == [f"{refused.run_id}.bad"]


def test_readers_are_told_the_end_also_where_the_outbox_cannot_be_written(
    make_world: MakeWorld,
) -> None:
    world = make_world(said("all"), settle_seconds=0.05)
    (world.folder / "outbox").write_text("a file where the folder should be")
    living = _told(world)
    assert world.story_of(living).text == "all"
    world.runs.away.clear()
    world.wait()
    assert world.stored(living)[0].status is MessageStatus.COMPLETE
