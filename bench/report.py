"""The tables: what was measured, and whether each bound holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from bench.measures import Healths, Load, Rounds, at_share

CPU_RATIO_BOUND = 0.42
CPU_RATIO_GOAL = 0.35
TURN_RATIO_BOUND = 1.0
FURTHER_RATIO_BOUND = 0.33
SCALED_RATIO_BOUND = 1.3
TURN_ROUND_TRIPS = 2
ADAPTER_RATIO_BOUND = 1.25
LIMITING_MS_BOUND = 50.0
SWITCH_MS_BOUND = 100.0
HEALTH_MS_BOUND = 50.0
GROWTH_MB = 100.0
# After half of the streams all caches are warm: from then on memory hardly changes.
FLAT_MB = 40.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that must hold, with what was measured; without `allowed` it is only printed."""

    what: str
    measured: str
    allowed: str
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """The streams of one server, of one chunk and of many."""

    turns: Rounds
    streams: Rounds

    @property
    def further_us(self) -> float:
        """The CPU time of each chunk after the first."""
        return self.streams.further_chunk_us(self.turns)


def print_relayed(peer: Relayed, others: Sequence[Relayed]) -> list[Bound]:
    """Print one line a server, each compared with the peer; Charla and it scaled come last."""
    chunks = peer.streams.loads[0].chunks // peer.streams.loads[0].streams
    titles = ("a turn", "a further chunk", f"{chunks} chunks")
    cost_head = f"{'CPU':>12}{'ratio':>7}"
    print(f"\n  {'':12}{''.join(f'{title:>19}' for title in titles)}")
    print(f"  {'':12}{cost_head * 3}{'TTFT p50':>12}{'p99':>10}{'memory':>10}  bad")
    for one in (peer, *others):
        print(_relayed_line(one, peer))
    charla, scaled = others[-2:]
    return [
        _at_most(
            f"CPU of {chunks} chunks beside {peer.streams.name}",
            _ratio(charla, peer, "stream"),
            CPU_RATIO_BOUND,
            f" (goal {CPU_RATIO_GOAL})",
        ),
        _at_most("CPU of a turn of one chunk", _ratio(charla, peer, "turn"), TURN_RATIO_BOUND),
        _at_most("CPU of a further chunk", _ratio(charla, peer, "further"), FURTHER_RATIO_BOUND),
        _at_most(
            f"CPU of {chunks} chunks, scaled beside charla",
            _ratio(scaled, charla, "stream"),
            SCALED_RATIO_BOUND,
        ),
        _sooner(
            f"TTFT p50, {charla.streams.loads[0].streams} at once", charla.streams, peer.streams
        ),
    ]


def _relayed_line(one: Relayed, peer: Relayed) -> str:
    costs = (
        (f"{one.turns.stream_us / 1000:.2f} ms", _ratio(one, peer, "turn")),
        (f"{one.further_us:.0f} us", _ratio(one, peer, "further")),
        (f"{one.streams.stream_us / 1000:.1f} ms", _ratio(one, peer, "stream")),
    )
    shown = "".join(f"{cost:>12}{ratio:>7.2f}" for cost, ratio in costs)
    bad = len(one.turns.problems) + len(one.streams.problems)
    return (
        f"  {one.streams.name:12}{shown}"
        f"{one.streams.first_ms_at(0.5):>9.0f} ms{one.streams.first_ms_at(0.99):>7.0f} ms"
        f"{one.streams.memory_mb:>7.0f} MB{bad:>5}"
    )


def _ratio(one: Relayed, base: Relayed, what: str) -> float:
    pairs = {
        "turn": (one.turns.stream_us, base.turns.stream_us),
        "further": (one.further_us, base.further_us),
        "stream": (one.streams.stream_us, base.streams.stream_us),
    }
    of_this, of_base = pairs[what]
    return of_this / of_base


def _at_most(what: str, measured: float, bound: float, goal: str = "") -> Bound:
    return Bound(what, f"{measured:.2f}", f"{bound:.2f}{goal}", measured <= bound)


def _sooner(what: str, one: Rounds, other: Rounds) -> Bound:
    first, other_first = one.first_ms_at(0.5), other.first_ms_at(0.5)
    return Bound(what, f"{first:.0f} ms", f"{other_first:.0f} ms", first <= other_first)


def print_burst(peer: Rounds, charla: Rounds, bigger: Rounds) -> list[Bound]:
    """Print how soon each of many requests, sent at the same moment, got its first text."""
    print(f"\n  {'':14}{'sends':>6}{'TTFT p50':>13}{'p99':>11}{'CPU a send':>13}  bad")
    for one in (peer, charla, bigger):
        print(
            f"  {one.name:14}{one.loads[0].streams:>6,}{one.first_ms_at(0.5):>10.0f} ms"
            f"{one.first_ms_at(0.99):>8.0f} ms{one.stream_us / 1000:>10.1f} ms"
            f"{len(one.problems):>5}"
        )
    sends, bad = charla.loads[0].streams, len([*charla.problems, *bigger.problems])
    return [
        _sooner(f"TTFT p50, {sends:,} at once", charla, peer),
        _none_bad(f"{sends:,} and {bigger.loads[0].streams:,} sends at once", bad),
    ]


def print_open(load: Load, sent_seconds: float) -> list[Bound]:
    """Print how one worker did with many open streams, each sent in so many seconds."""
    a_stream = (load.memory_mb - load.memory_before_mb) * 1024 / load.streams
    took = load.seconds - load.opened_seconds
    print(
        f"\n  open at once {load.open_at_once:,}, bad {len(load.problems)};"
        f" all open after {load.opened_seconds:.0f} s"
        f"\n  then {load.chunks:,} chunks, sent in {sent_seconds:.0f} s, read in {took:.0f} s"
        f"\n  memory {load.memory_before_mb:.0f} MB before, {load.memory_mb:.0f} MB at its peak:"
        f" {a_stream:.0f} KB a stream"
    )
    is_open = load.open_at_once == load.streams
    return [
        Bound("open at once", f"{load.open_at_once:,}", f"{load.streams:,}", is_open),
        _none_bad(f"{load.streams:,} streams in one worker", len(load.problems)),
        Bound("memory of an open stream", f"{a_stream:.0f} KB", "", holds=True),
    ]


def print_adapters(adapters: Sequence[Rounds]) -> list[Bound]:
    """Print one line a provider, compared with the first."""
    base = adapters[0]
    print(f"\n  {'':14}{'CPU/chunk':>10}{'ratio':>8}{'TTFT p50':>12}  bad")
    for one in adapters:
        print(
            f"  {one.name:14}{one.chunk_us:>7.0f} us{one.chunk_us / base.chunk_us:>8.2f}"
            f"{one.first_ms_at(0.5):>9.0f} ms{len(one.problems):>5}"
        )
    return [
        _at_most(
            f"CPU/chunk, {one.name} beside {base.name}",
            one.chunk_us / base.chunk_us,
            ADAPTER_RATIO_BOUND,
        )
        for one in adapters[1:]
    ]


def print_switch(direct_ms: Sequence[float], switched_ms: Sequence[float]) -> list[Bound]:
    """Print what a provider that is down costs, compared with one that is called at once."""
    direct, switched = median(direct_ms), median(switched_ms)
    print(f"\n  TTFT p50 {direct:.1f} ms directly, {switched:.1f} ms in the place of another")
    cost = switched - direct
    within = cost <= SWITCH_MS_BOUND
    return [Bound("switch to another", f"{cost:.1f} ms", f"{SWITCH_MS_BOUND:.0f} ms", within)]


def print_turns(times: Mapping[str, float]) -> list[Bound]:
    """Print the microseconds that each part of a turn takes."""
    print()
    for what, microseconds in times.items():
        print(f"  {what:34}{microseconds:>9.0f} us")
    slowest = max(times.values()) / 1000
    within = slowest <= LIMITING_MS_BOUND
    return [Bound("limiting a turn", f"{slowest:.1f} ms", f"{LIMITING_MS_BOUND:.0f} ms", within)]


def print_round_trips(turns: int, calls: Mapping[str, int]) -> list[Bound]:
    """Print the calls of so many turns that the database's gateway saw; beats are apart."""
    shown = ", ".join(f"{name} {count}" for name, count in sorted(calls.items()))
    print(f"\n  {turns} turns: {shown}")
    a_turn = sum(count for name, count in calls.items() if name != "beat") / turns
    within = a_turn <= TURN_ROUND_TRIPS
    return [Bound("store round trips a turn", f"{a_turn:.2f}", f"{TURN_ROUND_TRIPS}", within)]


def print_resumed(first_ms: Sequence[float], readers: int, bad: int) -> list[Bound]:
    """Print how soon readers that come back all at once get their first event."""
    p50, p99 = at_share(first_ms, 0.5), at_share(first_ms, 0.99)
    print(f"\n  first event p50 {p50:.0f} ms, p99 {p99:.0f} ms, bad {bad}")
    return [_none_bad(f"{readers} readers resumed at once", bad)]


def print_memory(start: Load, half: Load, end: Load) -> list[Bound]:
    """Print memory at the start, after half of the streams and after all of them."""
    print(
        f"\n  start {start.memory_mb:.0f} MB, half {half.memory_mb:.0f} MB,"
        f" end {end.memory_mb:.0f} MB"
    )
    growth, late = end.memory_mb - start.memory_mb, end.memory_mb - half.memory_mb
    whole = f"growth over {half.streams + end.streams:,} streams"
    return [
        Bound(whole, f"{growth:.0f} MB", f"{GROWTH_MB:.0f} MB", growth <= GROWTH_MB),
        Bound("of it in the second half", f"{late:.0f} MB", f"{FLAT_MB:.0f} MB", late <= FLAT_MB),
    ]


def print_attacked(healths: Healths) -> list[Bound]:
    """Print how soon /health answered, quiet and attacked."""
    for name, times in (("quiet", healths.quiet_ms), ("attacked", healths.attacked_ms)):
        p50, p99 = at_share(times, 0.5), at_share(times, 0.99)
        print(f"  /health, {name:10} p50 {p50:5.1f} ms, p99 {p99:5.1f} ms, of {len(times):,}")
    p99 = at_share(healths.attacked_ms, 0.99)
    within = p99 <= HEALTH_MS_BOUND
    return [
        Bound("/health p99, attacked", f"{p99:.0f} ms", f"{HEALTH_MS_BOUND:.0f} ms", within),
        _none_bad("/health, quiet and attacked", healths.bad),
    ]


def _none_bad(what: str, bad: int) -> Bound:
    return Bound(what, f"{bad} bad", "0 bad", bad == 0)


def print_bounds(bounds: Sequence[tuple[str, Bound]]) -> None:
    """Print every bound with `ok` or `over`, by the stage that measured it."""
    print(f"\n  {'stage':10}{'what is held':41}{'measured':>10}   allowed")
    for stage, of_stage in groupby(bounds, key=lambda pair: pair[0]):
        shown = stage
        for _, bound in of_stage:
            verdict = ("ok" if bound.holds else "over") if bound.allowed else ""
            line = f"  {shown:10}{bound.what:41}{bound.measured:>10}   {bound.allowed:18}{verdict}"
            print(line.rstrip())
            shown = ""
