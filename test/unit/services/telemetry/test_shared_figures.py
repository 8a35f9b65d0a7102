"""Figures of several workers, each a process, as a worker is in the server."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from api.figures import Figures, figures_in
from source_tree import ROOT

from services.telemetry.figure_files import PREFIX, FigureFiles

PLAY = """
import sys
from services.domain.costs import Usage
from services.domain.events import Done
from services.domain.sessions import FinishReason
from services.settings.load import figures_slot
from services.telemetry.metrics import Metrics

done = Done(message_id="m", finish_reason=FinishReason.STOP, usage=Usage(), cost=None,
            provider="openai", model="x", ttft_ms=300, total_ms=900)
metrics = Metrics(figures_slot())
for deed in sys.argv[1:]:
    eval(deed)
for _ in sys.stdin:
    print(metrics.render().decode() + ".", flush=True)
"""
RUN = ("metrics.run_started()", "metrics.run_ended(done, 'openai', 300, 5)")
ENDED = 'charla_runs_total{provider="openai",reason="stop"}'
FIRST_TOKEN = "charla_time_to_first_token_seconds_{}"


class Worker:
    """A process that does as it is told and then gives figures."""

    def __init__(self, files: FigureFiles, slot: int, deeds: tuple[str, ...]) -> None:
        """Start it."""
        place = dict(setting.split("=", 1) for setting in files.environment(slot))
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLAY, *deeds],
            cwd=ROOT,
            env=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.figures()  # it has done everything

    def figures(self) -> Figures:
        """Give the figures that it tells."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        lines = []
        while (line := process.stdout.readline()) != ".\n":
            assert line, "it has ended"
            lines.append(line)
        return figures_in("".join(lines))

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate()


Begin = Callable[..., Worker]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FigureFiles]:
    """Make the files of one start."""
    files = FigureFiles(tmp_path)
    yield files
    files.remove()


@pytest.fixture
def begin(files: FigureFiles) -> Iterator[Begin]:
    """Start workers; they end with the test."""
    with ExitStack() as running:

        def begin(slot: int, *deeds: str) -> Worker:
            worker = Worker(files, slot, deeds)
            running.callback(worker.kill)
            return worker

        yield begin


def test_every_worker_tells_the_sums_of_all(begin: Begin) -> None:
    one = begin(0, *RUN, *RUN, "metrics.run_started()", "metrics.reader_came()")
    other = begin(1, *RUN, "metrics.run_started()", "metrics.reader_came()")

    told = one.figures()

    assert told == other.figures()
    assert (told[ENDED], told['charla_events_total{provider="openai"}']) == (3, 15)
    assert (told["charla_runs_active"], told["charla_readers"]) == (2, 2)
    assert told[FIRST_TOKEN.format('count{provider="openai"}')] == 3
    assert told[FIRST_TOKEN.format('sum{provider="openai"}')] == pytest.approx(0.9)
    assert told[FIRST_TOKEN.format('bucket{le="0.25",provider="openai"}')] == 0
    assert told[FIRST_TOKEN.format('bucket{le="0.5",provider="openai"}')] == 3


def test_those_who_wait_in_a_killed_worker_wait_no_more(begin: Begin, files: FigureFiles) -> None:
    waiting = 'charla_provider_queue_waiting{provider="openai"}'
    waited = 'charla_provider_queue_wait_seconds_count{provider="openai"}'
    killed = begin(0, "metrics.queue_waiting('openai', 3)", "metrics.queue_waited('openai', 2)")
    other = begin(1, "metrics.queue_waiting('openai', 4)")
    assert other.figures()[waiting] == 7

    killed.kill()
    files.forget(0)

    assert (other.figures()[waiting], other.figures()[waited]) == (4, 1)


def test_of_a_killed_worker_only_what_it_counted_is_kept(begin: Begin, files: FigureFiles) -> None:
    killed = begin(0, *RUN, "metrics.run_started()", "metrics.log_degraded(degraded=True)")
    other = begin(1, *RUN, "metrics.run_started()")
    before = other.figures()

    killed.kill()
    files.forget(0)

    assert before["charla_runs_active"] == 2
    assert before["charla_log_degraded"] == 1
    after = other.figures()
    assert after[ENDED] == before[ENDED] == 2
    assert after["charla_runs_active"] == 1
    assert after["charla_log_degraded"] == 0


def test_the_next_worker_in_a_slot_goes_on_counting_in_the_same_files(
    begin: Begin, files: FigureFiles
) -> None:
    begin(0, *RUN, *RUN, "metrics.run_started()").kill()
    made = set(files.folder.iterdir())
    files.forget(0)

    told = begin(0, *RUN).figures()

    assert told[ENDED] == 3
    assert told[FIRST_TOKEN.format('count{provider="openai"}')] == 3
    assert told["charla_runs_active"] == 0
    assert set(files.folder.iterdir()) == made


@pytest.mark.parametrize("name", ["redis_away", "log_degraded", "limits_counted_apart"])
def test_trouble_of_one_worker_shows_whoever_is_asked(begin: Begin, name: str) -> None:
    word = name.rpartition("_")[2]
    begin(0, f"metrics.{name}({word}=True)")
    well = begin(1, f"metrics.{name}({word}=False)")

    assert well.figures()[f"charla_{name}"] == 1


def test_a_worker_gets_the_first_slot_that_no_living_one_has(files: FigureFiles) -> None:
    assert files.free_slot([]) == 0
    assert files.free_slot([0, 1]) == 2
    assert files.free_slot([1, 2]) == 0
    assert files.free_slot([None, 0]) == 1


def test_a_worker_can_count_where_something_cleaned_up(begin: Begin, files: FigureFiles) -> None:
    files.folder.rmdir()

    slot = files.free_slot([])

    assert begin(slot, *RUN).figures()[ENDED] == 1


def test_a_start_has_a_folder_of_its_own_and_leaves_none(tmp_path: Path) -> None:
    one, other = FigureFiles(tmp_path), FigureFiles(tmp_path)
    assert {one.folder, other.folder} == set(tmp_path.iterdir())

    one.remove()
    assert list(tmp_path.iterdir()) == [other.folder]
    other.remove()


def test_what_a_killed_start_left_is_removed_once_its_last_worker_has_ended(
    tmp_path: Path,
) -> None:
    kept = tmp_path / f"{PREFIX}of-a-worker"
    kept.mkdir()
    holding = ["flock", str(kept), "sh", "-c", "echo; cat"]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        left = tmp_path / f"{PREFIX}left"
        left.mkdir()
        (left / "counter_0.db").touch()

        files = FigureFiles(tmp_path)

        assert set(tmp_path.iterdir()) == {kept, files.folder}
        files.remove()
        worker.communicate()
    FigureFiles(tmp_path).remove()
    assert list(tmp_path.iterdir()) == []


def test_the_master_loads_nothing_with_it_that_gevent_would_have_to_patch() -> None:
    asks = "import services.telemetry.figure_files, sys; print('ssl' in sys.modules)"

    asked = subprocess.run(
        [sys.executable, "-c", asks], cwd=ROOT, capture_output=True, check=True, text=True
    )

    assert asked.stdout == "False\n"
