"""A torture: round after round of load and faults, each judged when all is calm again."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from api.chat_client import ChatClient
from torture.checker import check
from torture.cluster import Cluster
from torture.evidence import Evidence
from torture.faults import FaultLog
from torture.load import USERS, Load, conversations
from torture.losses import bad_file_may_be
from torture.store import active_runs, read_store, workers_on_record
from torture.weather import Script, Weather

END_SECONDS = 30.0
"""Within this time after the last fault, every run has ended and all readers know how."""

POLL_SECONDS = 0.2
LINES_A_ROUND, LINE_LENGTH = 12, 1200
PROGRESS_SECONDS = 5.0
LOUD = re.compile(r"\[error +\] (\w+)|^(\w*(?:Error|Exception)): ", re.MULTILINE)
FORESEEN = {"settle_postponed", "outbox_file_bad"}
"""What a server logs as an error while its store is away; any other error is a crash."""

Say = Callable[[str], None]


def _told(evidence: Evidence) -> Iterator[str]:
    """Name rare events, to show that they happened."""
    for _, terminal in evidence.terminals():
        if not terminal["persisted"]:
            yield "told before stored"
    for transcript in evidence.transcripts:
        for visit in transcript.visits:
            if visit.sights and visit.sights[0].frame.event.get("recovered") is False:
                yield "resumed by text"


class Torture:
    """Servers that are broken again and again, and the problems that this showed."""

    def __init__(self, cluster: Cluster, seed: str, say: Say) -> None:
        """Make the accounts; the servers must run already."""
        self._cluster = cluster
        self._seed = seed
        self._say = say
        self._users = [ChatClient.registered(cluster.urls[0]) for _ in range(USERS)]
        self._began = self._said = time.monotonic()
        self.faults = FaultLog()
        self.problems: list[str] = []
        self.ends: Counter[str] = Counter()
        self.slowest_end = 0.0

    def round(self, name: str, script: Script) -> None:
        """Begin the load, play a script of faults, and judge the result."""
        seed = f"{self._seed}/{name}"
        talks = conversations(self._users)
        load = Load(self._cluster.urls, talks, self._cluster.stack, seed)
        weather = Weather(self._cluster, self.faults, seed, load.evidence.blame)
        load.start()
        for step in script:
            weather.play(step)
            self._progress(name, load.evidence)
        load.finish()
        calm = weather.calm()
        found = self._wait_for_ends(calm)
        load.wait(calm + END_SECONDS + 5.0)
        stored = read_store(self._cluster.stack, [talk.session for talk in talks])
        found += check(load.evidence, stored, self.faults)
        self.ends.update(run["status"] for run in stored.runs.values())
        self.ends.update(_told(load.evidence))
        self.problems += [f"round {name}: {problem}" for problem in found]
        ends = ", ".join(f"{count} {status}" for status, count in self.ends.items())
        self._tell(name, f"runs so far: {ends}", len(self.problems))
        for problem in found[:LINES_A_ROUND]:
            self._say(f"  {problem[:LINE_LENGTH]}")

    def finish(self) -> None:
        """Check what killed workers have left, and which errors the servers logged."""
        logged = self._logged()
        self._say(f"errors logged: {dict(logged)}; slowest end {self.slowest_end:.1f} s after calm")
        self.problems += [f"logged: {name}" for name in logged if name not in FORESEEN]
        deadline = time.monotonic() + END_SECONDS
        before = workers_on_record(self._cluster.stack)
        while left := self._leftovers(before):
            if time.monotonic() > deadline:
                self.problems += left
                return
            time.sleep(POLL_SECONDS)

    def _logged(self) -> Counter[str]:
        """Count what the servers have logged as errors."""
        return Counter(
            found[0] or found[1]
            for server in self._cluster.servers
            for found in LOUD.findall(server.output())
        )

    def _wait_for_ends(self, calm: float) -> list[str]:
        while active := active_runs(self._cluster.stack):
            if time.monotonic() > calm + END_SECONDS:
                return [
                    f"{run_id}: active {END_SECONDS:g} s after the last fault" for run_id in active
                ]
            time.sleep(POLL_SECONDS)
        self.slowest_end = max(self.slowest_end, time.monotonic() - calm)
        return []

    def _leftovers(self, before: Mapping[str, int]) -> list[str]:
        """List what is out of place; a worker that has beaten since `before` counts as live."""
        workers = workers_on_record(self._cluster.stack)
        live = [name for name, beats in workers.items() if beats != before.get(name)]
        left = [
            f"left in the outbox: {path}"
            for server in self._cluster.servers
            for path in (server.data_dir / "outbox").glob("*")
            if not self._came_too_late(path)
        ]
        if not len(workers) == len(live) == self._cluster.worker_count:
            left.append(f"{len(workers)} workers on record, {len(live)} of them beat")
        return left

    def _came_too_late(self, path: Path) -> bool:
        """Tell whether a file was set aside whose end could not have come in time."""
        if path.suffix != ".bad":
            return False
        age = time.time() - path.stat().st_mtime
        return bad_file_may_be(time.monotonic() - age, self.faults)

    def _progress(self, name: str, evidence: Evidence) -> None:
        if time.monotonic() - self._said >= PROGRESS_SECONDS:
            asked, told = len(evidence.asked), sum(1 for _ in evidence.terminals())
            runs = f"{asked} questions, {told} ends were told"
            self._tell(name, runs, len(self.problems) + len(evidence.problems))

    def _tell(self, name: str, runs: str, problems: int) -> None:
        self._said = time.monotonic()
        faults = ", ".join(f"{count} {kind}" for kind, count in self.faults.counts.items())
        self._say(
            f"{self._said - self._began:5.0f} s, round {name}: {self.faults.kills} kills "
            f"({faults}); {runs}; {problems} problems"
        )
