"""Measure Charla beside two textbook relays, in one run on one machine."""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import uvloop

from bench.report import Bound, print_bounds
from bench.servers import Servers
from bench.stages import FULL, SHORT, STAGES, Size
from bench.targets import Targets

OPEN_FILES = 16384  # a stream is a socket here, two in a relay and another at the upstream
SHOWN_PROBLEMS = 3


async def run(servers: Servers, size: Size, names: Sequence[str]) -> bool:
    """Run these stages and print what they showed; tell whether every stream was right."""
    targets = Targets(servers)
    bounds: list[tuple[str, Bound]] = []
    bad: dict[str, Sequence[str]] = {}
    for number, name in enumerate(names, 1):
        stage, began = STAGES[name], time.monotonic()
        print(f"\n{number}/{len(names)} {name}: {stage.title.format_map(asdict(size))}", flush=True)
        outcome = await stage.run(targets, size)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
        bounds += [(name, bound) for bound in outcome.bounds]
        bad[name] = outcome.problems
    print_bounds(bounds)
    for name, problems in bad.items():
        for problem in problems[:SHOWN_PROBLEMS]:
            print(f"  bad stream of {len(problems)} in {name}: {problem}")
    return not any(bad.values())


def named_stages(names: str) -> list[str]:
    """Read the names of stages, separated by commas; they run in their usual order."""
    wanted = set(names.split(","))
    if unknown := wanted - set(STAGES):
        raise argparse.ArgumentTypeError(f"no such stage: {', '.join(sorted(unknown))}")
    return [name for name in STAGES if name in wanted]


def main() -> int:
    """Run as a command: status 1 if a stream was lost or brought another text."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less of everything")
    parser.add_argument(
        "--only",
        type=named_stages,
        default=list(STAGES),
        metavar="STAGE,...",
        help=f"only these stages: {', '.join(STAGES)}",
    )
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, most), most))
    with tempfile.TemporaryDirectory(prefix="charla-bench-") as folder:
        servers = Servers(Path(folder))
        try:
            is_right = uvloop.run(run(servers, SHORT if asked.short else FULL, asked.only))
        finally:
            servers.stop()
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
