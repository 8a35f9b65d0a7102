"""Which workers are dead, and which must not be taken for dead."""

from dataclasses import dataclass

from services.runs.leases.watch import WorkerWatch

DEAD_SECONDS = 15
LONGEST_GAP_SECONDS = 11


@dataclass
class Observer:
    """A worker that beats every five seconds of its own clock."""

    now: float = 100.0

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.watch = WorkerWatch(DEAD_SECONDS, LONGEST_GAP_SECONDS, lambda: self.now)

    def beat(self, seconds: float = 5, **others: int) -> list[str]:
        """Let time pass, and have a beat answered; name the dead workers."""
        self.now += seconds
        self.watch.saw(others)
        return self.watch.dead()

    def miss(self, seconds: float = 5) -> list[str]:
        """Let time pass, and have a beat not answered; name the dead workers."""
        self.now += seconds
        self.watch.missed()
        return self.watch.dead()


def test_a_counter_that_stands_still_for_the_whole_time_is_a_dead_workers() -> None:
    observer = Observer()

    named = [observer.beat(a=7, b=count) for count in range(5)]

    assert named == [[], [], [], ["a"], ["a"]]


def test_a_counter_that_moves_is_a_living_workers_however_slowly() -> None:
    observer = Observer()

    assert [observer.beat(a=count // 2) for count in range(12)] == [[]] * 12


def test_a_counter_that_went_back_has_moved() -> None:
    observer = Observer()

    assert [observer.beat(a=count) for count in (9, 9, 9, 1, 1, 1)] == [[]] * 6


def test_a_store_that_does_not_answer_kills_nobody() -> None:
    observer = Observer()
    observer.beat(a=7)

    assert [observer.miss() for _ in range(10)] == [[]] * 10
    assert [observer.beat(a=7) for _ in range(4)] == [[], [], [], ["a"]]


def test_one_beat_that_was_missed_gives_everybody_the_whole_time_again() -> None:
    observer = Observer()
    observer.beat(a=7)
    observer.beat(a=7)
    observer.miss()

    assert [observer.beat(a=7) for _ in range(4)] == [[], [], [], ["a"]]


def test_an_observer_that_stood_still_itself_believes_nothing_of_before() -> None:
    observer = Observer()
    observer.beat(a=7)

    assert observer.beat(seconds=60, a=7) == []
    assert [observer.beat(a=7) for _ in range(3)] == [[], [], ["a"]]


def test_who_is_not_on_record_any_more_is_nobodys_to_reap() -> None:
    observer = Observer()
    for _ in range(4):
        observer.beat(a=7)

    assert observer.beat() == []
    assert observer.beat(a=7) == []
