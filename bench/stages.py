"""What is measured: the same streams through every server, many open at once, memory over time."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from bench.accounts import Account
from bench.load import Answer, Ask, send_all
from bench.servers import Server
from bench.upstream import text_of, timing_of

SAMPLE_SECONDS = 0.5
WARM_UP = (10, "m-10-5")

# Makes the requests that open so many streams of a model.
MakeAsks = Callable[[int, str], Awaitable[list[Ask]]]


@dataclass(frozen=True, slots=True)
class Target:
    """A server, how it is asked for streams, and what it is called; empty: as the server is."""

    server: Server
    asks: MakeAsks
    name: str = ""

    @property
    def title(self) -> str:
        """Give the name."""
        return self.name or self.server.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What some streams through one server showed; `first_ms` are times to the first token."""

    cpu_us_per_chunk: float
    first_ms: Sequence[float]
    memory_mb: float
    open_at_once: int
    problems: Sequence[str]

    def first_ms_at(self, share: float) -> float:
        """Give the time to the first token that this share of the streams did not exceed."""
        ordered = sorted(self.first_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What readers that came back to their runs got; `first_ms` are times to the first event."""

    first_ms: Sequence[float]
    problems: Sequence[str]

    def first_ms_at(self, share: float) -> float:
        """Give the time to the first event that this share of the readers did not exceed."""
        ordered = sorted(self.first_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def resume_all(asks: Sequence[Ask]) -> Resumed:
    """Read so many runs on, all at once, and hold that each ends well and has its whole text."""
    answers = await send_all(asks, len(asks))
    return Resumed(
        first_ms=[(one.event_at - one.asked_at) * 1000 for one in answers if one.event_at],
        problems=[problem for answer in answers if (problem := _problem_of(answer))],
    )


def _problem_of(answer: Answer) -> str:
    """Say what is wrong with a stream that was read on: it may lack its beginning only."""
    events = answer.events() if answer.status == HTTPStatus.OK else []
    if not events or events[-1]["type"] != "done":
        return answer.failure or f"{answer.status}: ended without done: {events[-1:]}"
    if events[0] != {**events[0], "type": "resume", "recovered": True}:
        return f"not recovered: {events[0]}"
    pieces = "".join(event["content"] for event in events if event["type"] == "content")
    whole = events[-1]["full_content"]
    return "" if pieces and whole.endswith(pieces) else f"another text: {pieces[:100]!r}"


@dataclass(frozen=True, slots=True)
class Switch:
    """Times to the first token, one stream at a time: from who was asked, and from another."""

    direct_ms: Sequence[float]
    switched_ms: Sequence[float]


async def switch(account: Account, streams: int) -> Switch:
    """Ask a provider that answers and one that is down, in turn, one stream at a time."""
    asks = zip(
        await account.asks(streams, "m-10-5", "anthropic"),
        await account.asks(streams, "m-10-5", "openai"),
        strict=True,
    )
    direct, switched = [], []
    for ask, ask_the_other in asks:
        direct += await send_all([ask], 1)
        switched += await send_all([ask_the_other], 1)
    return Switch([_first_ms(one) for one in direct], [_first_ms(one) for one in switched])


def _first_ms(answer: Answer) -> float:
    if problem := answer.problem(text_of(10)):
        raise SystemExit(f"a stream of another provider went wrong: {problem}")
    return ((answer.first_at or answer.ended_at) - answer.asked_at) * 1000


async def drive(target: Target, streams: int, model: str, at_once: int) -> Load:
    """Send so many streams through a server, and check that each brought its whole text."""
    asks = await target.asks(streams, model)
    memory = [target.server.memory_mb()]
    watch = asyncio.ensure_future(_watch_memory(target.server, memory))
    cpu_before = target.server.cpu_seconds()
    answers = await send_all(asks, at_once)
    cpu = target.server.cpu_seconds() - cpu_before
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    chunks = timing_of(model)[0]
    problems = [answer.problem(text_of(chunks)) for answer in answers]
    return Load(
        # By the chunks that the upstream sent: a server may well join some of them.
        cpu_us_per_chunk=cpu / (chunks * streams) * 1e6,
        first_ms=[(one.first_at - one.asked_at) * 1000 for one in answers if one.first_at],
        memory_mb=max(memory),
        open_at_once=_open_at_once(answers),
        problems=[problem for problem in problems if problem],
    )


async def side_by_side(
    targets: Sequence[Target], rounds: int, streams: int, model: str
) -> list[Load]:
    """Drive the servers in turn, round after round; each server's result sums its rounds up."""
    for target in targets:
        await drive(target, *WARM_UP, at_once=WARM_UP[0])
    loads: list[list[Load]] = [[] for _ in targets]
    for number in range(rounds):
        for target, done in zip(targets, loads, strict=True):
            print(f"  round {number + 1} of {rounds}: {target.title}", flush=True)
            done.append(await drive(target, streams, model, at_once=streams))
    return [_summed_up(done) for done in loads]


async def memory_over_time(target: Target, streams: int, model: str, at_once: int) -> list[Load]:
    """Send many streams in waves; give the first wave, the first half and the second half.

    The first wave loads what every server loads once, so growth is counted from there.
    """
    parts = [await drive(target, at_once, model, at_once)]
    for half in ("first", "second"):
        print(f"  {half} half: {streams // 2} streams", flush=True)
        waves = [
            await drive(target, at_once, model, at_once) for _ in range(streams // 2 // at_once)
        ]
        parts.append(_summed_up(waves))
    return parts


def _summed_up(loads: Sequence[Load]) -> Load:
    return Load(
        # The median: what else the machine does in one round does not count.
        cpu_us_per_chunk=statistics.median(load.cpu_us_per_chunk for load in loads),
        first_ms=[first for load in loads for first in load.first_ms],
        memory_mb=max(load.memory_mb for load in loads),
        open_at_once=min(load.open_at_once for load in loads),
        problems=[problem for load in loads for problem in load.problems],
    )


def _open_at_once(answers: Sequence[Answer]) -> int:
    """Count the streams that had begun and not ended when the last one began."""
    last = max((answer.first_at or 0.0 for answer in answers), default=0.0)
    return sum(1 for answer in answers if answer.first_at and answer.ended_at >= last)


async def _watch_memory(server: Server, seen: list[float]) -> None:
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        seen.append(server.memory_mb())
