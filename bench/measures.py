"""How a server is measured: what streams through it cost, and how soon it answers."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median

from hostile.attack import Target as Victim
from hostile.attackers import Attackers

from bench.load import Answer, Ask, open_all, send, send_in_lots
from bench.servers import Server
from bench.targets import Target
from bench.upstream import text_of, timing_of

SAMPLE_SECONDS = 0.5
EVERY_SECONDS = 0.02
AGAIN_SECONDS = 1.0
SETTLE_SECONDS = 10.0
"""So long the readers who read nothing take to fill all buffers; then they are idle."""
PATIENCE_SECONDS = 10.0
CROWD: Mapping[str, int] = {
    "slow bodies": 200,
    "unread streams": 200,
    "wrong logins": 50,
    "unknown names": 2,
    "empty objects": 2,
}
"""How many of each there are; each acts again after a second, when it was refused."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Streams of one model; if `lot` is given, so many at a time, lot after lot."""

    streams: int
    model: str
    lot: int = 0


WARM_UP = Wave(10, "m-10-5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What streams through a server showed.

    `first_ms` are the times to the first text. `chunks` are those that the upstream sent: a server
    may join some of them. `opened_seconds` is how long it took until the last stream had text.
    """

    streams: int
    chunks: int
    cpu_us: float
    first_ms: Sequence[float]
    memory_before_mb: float
    memory_mb: float
    open_at_once: int
    opened_seconds: float
    seconds: float
    problems: Sequence[str]

    @property
    def stream_us(self) -> float:
        """The CPU time of a whole stream."""
        return self.cpu_us / self.streams

    @property
    def chunk_us(self) -> float:
        """The CPU time of a stream, divided by its chunks."""
        return self.cpu_us / self.chunks

    def first_ms_at(self, share: float) -> float:
        """Give the time within which this share of the streams had their first text."""
        return at_share(self.first_ms, share)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the same streams showed in several rounds.

    The median round counts, so that other work of the machine in single rounds does not.
    """

    name: str
    loads: Sequence[Load]

    @property
    def stream_us(self) -> float:
        """The CPU time of a whole stream."""
        return median(load.stream_us for load in self.loads)

    @property
    def chunk_us(self) -> float:
        """The CPU time of a stream, divided by its chunks."""
        return median(load.chunk_us for load in self.loads)

    @property
    def memory_mb(self) -> float:
        """The highest memory of all rounds."""
        return max(load.memory_mb for load in self.loads)

    @property
    def problems(self) -> list[str]:
        """What went wrong in any round."""
        return [problem for load in self.loads for problem in load.problems]

    def first_ms_at(self, share: float) -> float:
        """Give the time within which this share of the streams had their first text."""
        return median(load.first_ms_at(share) for load in self.loads)

    def further_chunk_us(self, turns: "Rounds") -> float:
        """Give the CPU time of each chunk after the first, compared with streams of one chunk."""
        pairs = zip(self.loads, turns.loads, strict=True)
        return median(
            (load.stream_us - turn.stream_us) / (load.chunks / load.streams - 1)
            for load, turn in pairs
        )


def at_share(times: Sequence[float], share: float) -> float:
    """Give the time that this share of all times did not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def side_by_side(
    targets: Sequence[Target], rounds: int, *waves: Wave
) -> list[tuple[Rounds, ...]]:
    """Send the same waves through each server in turn, round after round."""
    for target in targets:
        await drive(target, WARM_UP)
    done: list[list[list[Load]]] = [[[] for _ in waves] for _ in targets]
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}:", end="", flush=True)
        for target, of_target in zip(targets, done, strict=True):
            print(f" {target.name}", end="", flush=True)
            for wave, loads in zip(waves, of_target, strict=True):
                loads.append(await drive(target, wave))
        print()
    return [
        tuple(Rounds(target.name, loads) for loads in of_target)
        for target, of_target in zip(targets, done, strict=True)
    ]


async def drive(target: Target, wave: Wave) -> Load:
    """Send a wave through a server, and check that each stream brought its whole text."""
    asks = await target.asks(wave.streams, wave.model)
    chunks = [timing_of(wave.model)[0]] * wave.streams
    lot = wave.lot or wave.streams
    return await _measure(target.server, chunks, lambda: send_in_lots(asks, lot))


async def open_many(
    target: Target, models: Sequence[str], waiting: int, when_open: Callable[[], Awaitable[object]]
) -> Load:
    """Open a stream of each of these models, in random order; see `open_all`."""
    streams = [
        (ask, timing_of(model)[0])
        for model, count in Counter(models).items()
        for ask in await target.asks(count, model)
    ]
    random.Random(1).shuffle(streams)  # noqa: S311 - the same order in every run
    asks, chunks = [ask for ask, _ in streams], [count for _, count in streams]
    return await _measure(target.server, chunks, lambda: open_all(asks, waiting, when_open))


async def _measure(
    server: Server, chunks: Sequence[int], send: Callable[[], Awaitable[list[Answer]]]
) -> Load:
    memory = [server.memory_mb()]
    watch = asyncio.ensure_future(_watch_memory(server, memory))
    began, cpu_before = time.perf_counter(), server.cpu_seconds()
    answers = await send()
    cpu, ended = server.cpu_seconds() - cpu_before, time.perf_counter()
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    problems = map(Answer.problem, answers, map(text_of, chunks))
    last = max((answer.first_at or 0.0 for answer in answers), default=0.0)
    return Load(
        streams=len(answers),
        chunks=sum(chunks),
        cpu_us=cpu * 1e6,
        first_ms=[(one.first_at - one.asked_at) * 1000 for one in answers if one.first_at],
        memory_before_mb=memory[0],
        memory_mb=max(memory),
        # The streams that had begun, but not ended, when the last stream began.
        open_at_once=sum(1 for one in answers if one.first_at and one.ended_at >= last),
        opened_seconds=max(0.0, last - began),
        seconds=ended - began,
        problems=[problem for problem in problems if problem],
    )


async def _watch_memory(server: Server, seen: list[float]) -> None:
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        seen.append(server.memory_mb())


@dataclass(frozen=True, slots=True)
class Healths:
    """How long /health took in milliseconds, quiet and attacked; and how many answers were bad."""

    quiet_ms: Sequence[float]
    attacked_ms: Sequence[float]
    bad: int


async def watch_health(target: Victim, seconds: float) -> Healths:
    """Ask for /health for so long, then for as long while a crowd of attackers is there."""
    quiet = await _ask_again_and_again(target.port, seconds)
    with Attackers(target) as attackers:
        for attack, count in CROWD.items():
            await asyncio.to_thread(attackers.begin, attack, count, AGAIN_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        attacked = await _ask_again_and_again(target.port, seconds)
    both = (*quiet, *attacked)
    return Healths(
        [one.milliseconds for one in quiet],
        [one.milliseconds for one in attacked],
        sum(not one.is_well for one in both),
    )


@dataclass(frozen=True, slots=True)
class _Health:
    milliseconds: float
    is_well: bool


async def _ask_again_and_again(port: int, seconds: float) -> list[_Health]:
    """Ask at a steady pace, over a new connection each time, however late the answers are."""
    over, asked = time.perf_counter() + seconds, []
    while time.perf_counter() < over:
        asked.append(asyncio.ensure_future(_ask(port)))
        await asyncio.sleep(EVERY_SECONDS)
    return list(await asyncio.gather(*asked))


async def _ask(port: int) -> _Health:
    began, is_well = time.perf_counter(), False
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            is_well = (await send(Ask(port, "/health", None))).status == HTTPStatus.OK
    return _Health((time.perf_counter() - began) * 1000, is_well)
