"""The tables: what was measured, and whether each bound holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.stages import Load, Resumed, Switch

CPU_RATIO_BOUND = 0.5
CPU_RATIO_GOAL = 0.35
SCALED_RATIO_BOUND = 1.3
TURN_ROUND_TRIPS = 2
ADAPTER_RATIO_BOUND = 1.25
LIMITING_MS_BOUND = 50.0
SWITCH_MS_BOUND = 100.0
GROWTH_MB = 100.0
# After half of the streams all caches are warm: from there on memory hardly moves.
FLAT_MB = 40.0
SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that has to hold, with what was measured."""

    what: str
    measured: str
    allowed: str
    holds: bool


def print_side_by_side(names: Sequence[str], loads: Sequence[Load]) -> list[Bound]:
    """Print one line a server: what all are compared with first, Charla and it scaled last."""
    base, charla, scaled = loads[0], loads[-2], loads[-1]
    print(f"\n  {'':9}{'CPU/chunk':>10}{'ratio':>8}{'TTFT p50':>11}{'p99':>10}{'memory':>10}  bad")
    for name, load in zip(names, loads, strict=True):
        print(
            f"  {name:9}{load.cpu_us_per_chunk:>7.0f} us"
            f"{load.cpu_us_per_chunk / base.cpu_us_per_chunk:>8.2f}"
            f"{load.first_ms_at(0.5):>8.0f} ms{load.first_ms_at(0.99):>7.0f} ms"
            f"{load.memory_mb:>7.0f} MB{len(load.problems):>5}"
        )
    ratio = charla.cpu_us_per_chunk / base.cpu_us_per_chunk
    first, base_first = charla.first_ms_at(0.5), base.first_ms_at(0.5)
    return [
        Bound(
            f"CPU per chunk, beside {names[0]}",
            f"{ratio:.2f}",
            f"{CPU_RATIO_BOUND} (goal {CPU_RATIO_GOAL})",
            ratio <= CPU_RATIO_BOUND,
        ),
        Bound("TTFT p50", f"{first:.0f} ms", f"{base_first:.0f} ms", first <= base_first),
        _scaled_bound(scaled.cpu_us_per_chunk / charla.cpu_us_per_chunk),
    ]


def _scaled_bound(ratio: float) -> Bound:
    holds = ratio <= SCALED_RATIO_BOUND
    return Bound(
        "CPU per chunk, scaled beside charla", f"{ratio:.2f}", f"{SCALED_RATIO_BOUND}", holds
    )


def print_adapters(names: Sequence[str], loads: Sequence[Load]) -> list[Bound]:
    """Print one line a provider, beside the first."""
    base = loads[0].cpu_us_per_chunk
    print(f"\n  {'':9}{'CPU/chunk':>10}{'ratio':>8}{'TTFT p50':>11}  bad")
    for name, load in zip(names, loads, strict=True):
        print(
            f"  {name:9}{load.cpu_us_per_chunk:>7.0f} us{load.cpu_us_per_chunk / base:>8.2f}"
            f"{load.first_ms_at(0.5):>8.0f} ms{len(load.problems):>5}"
        )
    ratios = {n: one.cpu_us_per_chunk / base for n, one in zip(names, loads, strict=True)}
    return [
        Bound(
            f"CPU/chunk, {name} beside {names[0]}",
            f"{ratio:.2f}",
            f"{ADAPTER_RATIO_BOUND}",
            ratio <= ADAPTER_RATIO_BOUND,
        )
        for name, ratio in list(ratios.items())[1:]
    ]


def print_turns(times: Mapping[str, float]) -> list[Bound]:
    """Print the microseconds that each part of a turn takes."""
    print()
    for what, microseconds in times.items():
        print(f"  {what:34}{microseconds:>9.0f} us")
    slowest = max(times.values()) / 1000
    within = slowest <= LIMITING_MS_BOUND
    return [Bound("limiting a turn", f"{slowest:.1f} ms", f"{LIMITING_MS_BOUND:.0f} ms", within)]


def print_switch(switch: Switch) -> list[Bound]:
    """Print what a provider that is down costs, beside one that is asked at once."""
    direct, switched = median(switch.direct_ms), median(switch.switched_ms)
    print(f"\n  TTFT p50 {direct:.1f} ms directly, {switched:.1f} ms in place of another")
    cost = switched - direct
    within = cost <= SWITCH_MS_BOUND
    return [Bound("switch to another", f"{cost:.1f} ms", f"{SWITCH_MS_BOUND:.0f} ms", within)]


def print_round_trips(turns: int, calls: Mapping[str, int]) -> list[Bound]:
    """Print what the gateway of the database saw of so many turns, the workers' beats apart."""
    shown = ", ".join(f"{name} {count}" for name, count in sorted(calls.items()))
    print(f"\n  {turns} turns: {shown}")
    a_turn = sum(count for name, count in calls.items() if name != "beat") / turns
    return [
        Bound(
            "store round trips a turn",
            f"{a_turn:.2f}",
            f"{TURN_ROUND_TRIPS}",
            a_turn <= TURN_ROUND_TRIPS,
        )
    ]


def print_resumed(resumed: Resumed) -> list[Bound]:
    """Print how soon readers that come back all at once get their first event."""
    print(
        f"\n  first event p50 {resumed.first_ms_at(0.5):.0f} ms, "
        f"p99 {resumed.first_ms_at(0.99):.0f} ms, bad {len(resumed.problems)}"
    )
    count, bad = len(resumed.first_ms), len(resumed.problems)
    return [Bound(f"{count} readers resumed at once", f"{bad} bad", "0 bad", bad == 0)]


def print_many_open(streams: int, load: Load) -> list[Bound]:
    """Print how a server did with many streams open at once."""
    print(
        f"\n  open at once {load.open_at_once}, bad {len(load.problems)}, "
        f"CPU/chunk {load.cpu_us_per_chunk:.0f} us, TTFT p50 {load.first_ms_at(0.5):.0f} ms, "
        f"p99 {load.first_ms_at(0.99):.0f} ms, memory {load.memory_mb:.0f} MB"
    )
    bad = len(load.problems)
    is_open = load.open_at_once == streams
    return [
        Bound(f"{streams} streams in one worker", f"{bad} bad", "0 bad", bad == 0),
        Bound("of them open at once", f"{load.open_at_once}", f"{streams}", is_open),
    ]


def print_memory(streams: int, memory_mb: Sequence[float]) -> list[Bound]:
    """Print memory at the start, after half of the streams and after all."""
    start, half, end = memory_mb
    print(f"\n  start {start:.0f} MB, half {half:.0f} MB, end {end:.0f} MB")
    growth, late = end - start, end - half
    return [
        Bound(
            f"growth over {streams} streams",
            f"{growth:.0f} MB",
            f"{GROWTH_MB:.0f} MB",
            growth <= GROWTH_MB,
        ),
        Bound("of it in the second half", f"{late:.0f} MB", f"{FLAT_MB:.0f} MB", late <= FLAT_MB),
    ]


def print_bounds(bounds: Sequence[Bound]) -> None:
    """Print every bound with `ok` or `over`."""
    print(f"\n  {'bound':34}{'measured':>12}   {'allowed':18}")
    for bound in bounds:
        verdict = "ok" if bound.holds else "over"
        print(f"  {bound.what:34}{bound.measured:>12}   {bound.allowed:18}{verdict}")


def print_problems(loads: Sequence[Load | Resumed]) -> bool:
    """Print the first of what went wrong; tell whether anything did."""
    problems = [problem for load in loads for problem in load.problems]
    for problem in problems[:SHOWN_PROBLEMS]:
        print(f"  bad stream: {problem}")
    return bool(problems)
