"""How soon /health answers while attackers are there, from a process of their own."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from hostile.attack import Target
from hostile.attackers import Attackers

from bench.load import Ask, send

EVERY_SECONDS = 0.02
AGAIN_SECONDS = 1.0
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
class Healths:
    """How long /health took in milliseconds, quiet and attacked; and how many answers were bad."""

    quiet_ms: Sequence[float]
    attacked_ms: Sequence[float]
    bad: int


async def watch_health(target: Target, seconds: float) -> Healths:
    """Ask for /health for so long, then for as long while a crowd of attackers is there."""
    quiet = await _ask_again_and_again(target.port, seconds)
    with Attackers(target) as attackers:
        for attack, count in CROWD.items():
            await asyncio.to_thread(attackers.begin, attack, count, AGAIN_SECONDS)
        attacked = await _ask_again_and_again(target.port, seconds)
    both = (*quiet, *attacked)
    return Healths(
        [one.milliseconds for one in quiet],
        [one.milliseconds for one in attacked],
        sum(not one.is_well for one in both),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    milliseconds: float
    is_well: bool


async def _ask_again_and_again(port: int, seconds: float) -> list[_Answer]:
    """Ask at a steady pace, over a new connection each time, however late the answers are."""
    over, asked = time.perf_counter() + seconds, []
    while time.perf_counter() < over:
        asked.append(asyncio.ensure_future(_ask(port)))
        await asyncio.sleep(EVERY_SECONDS)
    return list(await asyncio.gather(*asked))


async def _ask(port: int) -> _Answer:
    began, is_well = time.perf_counter(), False
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            is_well = (await send(Ask(port, "/health", None))).status == HTTPStatus.OK
    return _Answer((time.perf_counter() - began) * 1000, is_well)
