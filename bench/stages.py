"""The stages of the benchmark: what each of them asks of which servers, and how much of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import report
from bench.load import Answer, send_all
from bench.measures import (
    WARM_UP,
    Rounds,
    Wave,
    drive,
    open_many,
    side_by_side,
    watch_health,
)
from bench.report import Bound, Relayed
from bench.targets import SCALED_WORKERS, Targets, asked_by
from bench.turns import measure_turns
from bench.upstream import text_of

ADAPTERS = ("openai", "anthropic", "gemini", "local")
SLOWEST_GAP_MS = 1000
FASTER_GAPS_MS = {500: 0.06, 200: 0.02, 100: 0.006, 50: 0.003, 20: 0.002}
"""The share of the open streams that is faster, by the time between its chunks.

It is small: even at the slowest pace, 5,000 streams bring 5,000 chunks a second.
"""

WAITING_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much each stage does."""

    rounds: int
    streams: int
    turns: int
    burst: int
    bigger_burst: int
    burst_model: str
    bigger_rounds: int
    open: int
    open_on: str
    open_seconds: int
    total: int
    total_model: str
    resumed: int
    resumed_model: str
    switches: int
    attacked_seconds: int
    at_once: int = 50
    model: str = "m-100-20"
    turn_model: str = "m-1-20"


FULL = Size(
    rounds=5,
    streams=100,
    turns=300,
    burst=1000,
    bigger_burst=3000,
    # Slow enough that until the last first token a server does little else than begin turns.
    burst_model="m-5-1000-20",
    bigger_rounds=3,
    open=5000,
    open_on="open",  # a server of its own, so that its memory is that of the streams
    open_seconds=30,
    total=5000,
    total_model="m-100-5",
    resumed=500,
    resumed_model="m-100-200",
    switches=60,
    attacked_seconds=20,
)
SHORT = Size(
    rounds=1,
    streams=50,
    turns=50,
    burst=200,
    bigger_burst=300,
    burst_model="m-2-1000-20",
    bigger_rounds=1,
    open=300,
    open_on="charla",
    open_seconds=3,
    total=300,
    total_model="m-20-5",
    resumed=100,
    resumed_model="m-50-100",
    switches=20,
    attacked_seconds=5,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage showed: bounds, and what was wrong with streams."""

    bounds: Sequence[Bound]
    problems: Sequence[str] = ()


async def relay(targets: Targets, size: Size) -> Outcome:
    """Compare what a turn and each further chunk cost in every server."""
    charla, scaled = asked_by(await targets.charla()), asked_by(await targets.scaled())
    done = await side_by_side(
        [targets.flask, targets.fastapi, charla, scaled],
        size.rounds,
        # Opened as the longer streams are, so that only the further chunks make a difference.
        Wave(size.turns, size.turn_model, size.streams),
        Wave(size.streams, size.model),
    )
    peer, *others = [Relayed(turns=turns, streams=streams) for turns, streams in done]
    bounds = report.print_relayed(peer, others)
    return Outcome(bounds, _problems(*(rounds for both in done for rounds in both)))


async def burst(targets: Targets, size: Size) -> Outcome:
    """Compare how soon many requests, sent at the same moment, get their first text."""
    charla = asked_by(await targets.charla())
    done = await side_by_side(
        [targets.flask, charla], size.rounds, Wave(size.burst, size.burst_model)
    )
    print(f"  now {size.bigger_burst:,} sends", flush=True)
    more = Wave(size.bigger_burst, size.burst_model)
    bigger = await side_by_side([charla], size.bigger_rounds, more)
    both = [rounds for (rounds,) in (*done, *bigger)]
    return Outcome(report.print_burst(*both), _problems(*both))


async def hold_open(targets: Targets, size: Size) -> Outcome:
    """Open many streams in one worker, each up to its first chunk, then let all go on."""
    charla = asked_by(await targets.charla(size.open_on))
    await drive(charla, WARM_UP)
    gaps = [gap for gap, share in FASTER_GAPS_MS.items() for _ in range(round(size.open * share))]
    gaps += [SLOWEST_GAP_MS] * (size.open - len(gaps))
    models = [f"w-{size.open_seconds * 1000 // gap}-{gap}-20" for gap in gaps]

    async def go_on() -> None:
        print("  all are open: they go on", flush=True)
        await targets.let_go()

    print("  sessions, then a stream in each", flush=True)
    load = await open_many(charla, models, WAITING_AT_ONCE, go_on)
    return Outcome(report.print_open(load, size.open_seconds), load.problems)


async def memory(targets: Targets, size: Size) -> Outcome:
    """Watch the memory of a server that was just started over many streams.

    The first wave loads what every server loads once, so growth is counted from there.
    """
    fresh = asked_by(await targets.charla("fresh"))
    loads = [await drive(fresh, Wave(size.at_once, size.total_model))]
    for half in ("first", "second"):
        print(f"  {half} half", flush=True)
        loads.append(await drive(fresh, Wave(size.total // 2, size.total_model, size.at_once)))
    problems = [problem for load in loads for problem in load.problems]
    return Outcome(report.print_memory(*loads), problems)


async def adapters(targets: Targets, size: Size) -> Outcome:
    """Compare the providers' adapters in one server."""
    account = await targets.charla()
    spoken_to = [asked_by(account, name) for name in ADAPTERS]
    done = await side_by_side(spoken_to, size.rounds, Wave(size.streams, size.model))
    each = [rounds for (rounds,) in done]
    return Outcome(report.print_adapters(each), _problems(*each))


async def switch(targets: Targets, size: Size) -> Outcome:
    """Call a provider that answers and one that is down, in turn, one stream at a time."""
    account = await targets.with_a_provider_down()
    direct = await account.asks(size.switches, "m-10-5", "anthropic")
    switched = await account.asks(size.switches, "m-10-5", "openai")
    answers: list[Answer] = []
    for pair in zip(direct, switched, strict=True):
        answers += await send_all(pair, 1)
    times = [((one.first_at or one.ended_at) - one.asked_at) * 1000 for one in answers]
    problems = [problem for one in answers if (problem := one.problem(text_of(10)))]
    return Outcome(report.print_switch(times[::2], times[1::2]), problems)


async def turns(targets: Targets, _size: Size) -> Outcome:
    """Measure in this process what a turn pays before its call goes out."""
    times = measure_turns(targets.stack.settings()["REDIS_URL"])
    return Outcome(report.print_turns(times))


async def trips(targets: Targets, size: Size) -> Outcome:
    """Count the calls of the database."""
    account = await targets.scaled()
    asks = await account.asks(size.streams, "m-10-5")
    answers: list[Answer] = []

    async def send() -> None:
        answers.extend(await send_all(asks, size.streams))

    calls = await targets.stack.calls_of(send)
    problems = [problem for one in answers if (problem := one.problem(text_of(10)))]
    return Outcome(report.print_round_trips(size.streams, calls), problems)


async def resumed(targets: Targets, size: Size) -> Outcome:
    """Read on, all at once, runs that were left after their first event."""
    account = await targets.scaled()
    asks = await account.resumes(size.resumed, size.resumed_model)
    answers = await send_all(asks, len(asks))
    first_ms = [(one.event_at - one.asked_at) * 1000 for one in answers if one.event_at]
    problems = [problem for one in answers if (problem := one.problem_read_on())]
    return Outcome(report.print_resumed(first_ms, len(asks), len(problems)), problems)


async def attacked(targets: Targets, size: Size) -> Outcome:
    """Ask for /health while strangers do what they can."""
    account = await targets.attacked()
    healths = await watch_health(await account.as_target(), size.attacked_seconds)
    return Outcome(report.print_attacked(healths))


def _problems(*done: Rounds) -> list[str]:
    return [problem for rounds in done for problem in rounds.problems]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the benchmark; its title is filled in with the size."""

    title: str
    run: Callable[[Targets, Size], Awaitable[Outcome]]


STAGES: Mapping[str, Stage] = {
    "relay": Stage(
        "{turns} turns of one chunk, {streams} streams at once of 100, one every 20 ms", relay
    ),
    "burst": Stage("{burst:,} sends in the same moment, then {bigger_burst:,}", burst),
    "open": Stage("{open:,} streams open in one worker, 20 ms to 1 s between chunks", hold_open),
    "memory": Stage("{total:,} streams, {at_once} at a time, of a server just started", memory),
    "adapters": Stage("{streams} streams at once from each provider", adapters),
    "switch": Stage("a provider that is down, and another that answers in its place", switch),
    "turns": Stage("choosing a model and letting its call out", turns),
    "trips": Stage(f"{{streams}} turns on Supabase and Redis, {SCALED_WORKERS} workers", trips),
    "resumed": Stage(
        "{resumed} readers of {resumed} runs on Supabase and Redis, all back", resumed
    ),
    "hostile": Stage(
        "/health beside 200 slow bodies, 200 idle readers, 50 logins and 4 large bodies a second",
        attacked,
    ),
}
