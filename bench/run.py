"""Measure Charla beside two textbook relays, in one run on one machine.

python -m bench.run [--short]
"""

import argparse
import resource
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from bench import report
from bench.accounts import Account
from bench.load import Ask, send_all
from bench.servers import Server, Servers
from bench.stages import Load, Target, drive, memory_over_time, resume_all, side_by_side, switch
from bench.turns import measure_turns

OPEN_FILES = 16384  # every stream is a socket here, two in a relay and one at the upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything."""

    rounds: int
    streams: int
    many: int
    many_model: str
    total: int
    total_model: str = "m-100-5"
    resumed: int = 500
    resumed_model: str = "m-100-200"
    at_once: int = 50
    switches: int = 60
    model: str = "m-100-20"


FULL = Size(rounds=5, streams=100, many=1000, many_model="m-50-400", total=5000)
SHORT = Size(
    rounds=1,
    streams=50,
    many=200,
    many_model="m-20-200",
    total=500,
    total_model="m-20-5",
    resumed=100,
    resumed_model="m-50-100",
    switches=20,
)
SCALED_WORKERS = 2
ADAPTERS = ("openai", "anthropic", "gemini", "local")
ONE_IS_DOWN = {
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "PROVIDER_RETRIES": "0",
    "BREAKER_FAILURES": "1000",
    "FAILOVER": "anthropic/m-10-5",
}
"""Nobody listens on the discard port."""


async def run(servers: Servers, size: Size) -> bool:
    """Run all stages and print what they showed; tell whether every stream was right."""
    upstream = servers.upstream()
    peers = [textbook(servers.flask(upstream)), textbook(servers.fastapi(upstream))]
    one = servers.charla(upstream)
    charla_account = await joined(one)
    charla = Target(one, charla_account.asks)
    stack = servers.shared()
    settings = stack.settings() | {"WEB_CONCURRENCY": str(SCALED_WORKERS)}
    scaled_server = servers.charla(upstream, "scaled", **settings)
    account = await joined(scaled_server)
    scaled = Target(scaled_server, account.asks)

    print(f"\n{size.streams} streams at once of 100 chunks, one every 20 ms")
    targets = [*peers, charla, scaled]
    loads = await side_by_side(targets, size.rounds, size.streams, size.model)
    bounds = report.print_side_by_side([one.title for one in targets], loads)

    of_providers, by_adapter = await providers(servers, size, upstream, (one, charla_account))
    bounds += of_providers
    print("\nWhat choosing a model and letting its call out cost a turn")
    bounds += report.print_turns(measure_turns(stack.settings()["REDIS_URL"]))

    print(f"\n{size.streams} turns on Supabase and Redis, {SCALED_WORKERS} workers")
    turns = await scaled.asks(size.streams, "m-10-5")
    calls = await stack.calls_of(lambda: send_all(turns, size.streams))
    bounds += report.print_round_trips(size.streams, calls)

    print(f"\n{size.resumed} readers of {size.resumed} runs on Supabase and Redis, back at once")
    resumed = await resume_all(await account.resumes(size.resumed, size.resumed_model))
    bounds += report.print_resumed(resumed)

    held, rest = await how_much(servers, size, upstream, charla)
    bounds += held
    report.print_bounds(bounds)
    return not report.print_problems([*loads, *by_adapter, resumed, *rest])


async def how_much(
    servers: Servers, size: Size, upstream: Server, charla: Target
) -> tuple[list[report.Bound], list[Load]]:
    """Measure many streams at once, and the memory of many one after the other."""
    print(f"\n{size.many} streams open in one worker")
    many = await drive(charla, size.many, size.many_model, at_once=size.many)
    bounds = report.print_many_open(size.many, many)

    print(f"\nMemory over {size.total} streams, of a server just started")
    fresh = await signed_up(servers.charla(upstream))
    parts = await memory_over_time(fresh, size.total, size.total_model, size.at_once)
    bounds += report.print_memory(size.total, [part.memory_mb for part in parts])
    return bounds, [many, *parts]


async def providers(
    servers: Servers, size: Size, upstream: Server, charla: tuple[Server, Account]
) -> tuple[list[report.Bound], list[Load]]:
    """Measure each provider's adapter, and what it costs to ask one in the place of another."""
    print(f"\n{size.streams} streams at once from each provider")
    targets = [spoken_to(*charla, name) for name in ADAPTERS]
    loads = await side_by_side(targets, size.rounds, size.streams, size.model)
    bounds = report.print_adapters(ADAPTERS, loads)

    print("\nA provider that is down, and another that answers in its place")
    down = await joined(servers.charla(upstream, "failover", **ONE_IS_DOWN))
    bounds += report.print_switch(await switch(down, size.switches))
    return bounds, loads


def spoken_to(server: Server, account: Account, provider: str) -> Target:
    """Ask one provider of a server."""
    return Target(server, partial(account.asks, provider=provider), provider)


async def joined(charla: Server) -> Account:
    """Make a user."""
    account = Account(charla)
    await account.sign_up()
    return account


async def signed_up(charla: Server) -> Target:
    """Ask Charla as one user, in a session for each stream."""
    return Target(charla, (await joined(charla)).asks)


def textbook(server: Server) -> Target:
    """Ask a textbook relay, which knows neither users nor sessions."""

    async def asks(streams: int, model: str) -> list[Ask]:
        return [Ask(server.port, "/stream", {"content": "Hola", "model": model})] * streams

    return Target(server, asks)


def main() -> int:
    """Run as a command: status 1 where a stream was lost or brought another text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="less of everything, under a minute")
    size = SHORT if parser.parse_args().short else FULL
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, most), most))
    with tempfile.TemporaryDirectory(prefix="charla-bench-") as folder:
        servers = Servers(Path(folder))
        try:
            is_right = uvloop.run(run(servers, size))
        finally:
            servers.stop()
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
