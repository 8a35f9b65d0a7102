"""The attackers' process, as tests and the benchmark give it orders."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hostile.attack import Target

SUPPORT = Path(__file__).parents[1]
END_SECONDS = 30.0


class Attackers:
    """A process that attacks: other than threads, it takes nothing from who measures."""

    def __init__(self, target: Target) -> None:
        """Attack this target, once it is told to."""
        self._target = target
        self._process: subprocess.Popen[str] | None = None

    def begin(self, name: str, at_once: int | None = None, pause: float | None = None) -> None:
        """Begin an attack beside those that go on; the attackers are there when this returns.

        There are `at_once` of them, or as many as the attack has; with a `pause` each of them acts
        again and again.
        """
        order: dict[str, Any] = {"attack": name, "at_once": at_once}
        if pause is not None:
            order["pause"] = pause
        self._told(order)

    def end(self) -> dict[str, Counter[str]]:
        """End all attacks; give what the attackers of each got, by name."""
        told = self._told({"end": True})
        return {name: Counter(got) for name, got in told.items()}

    def __enter__(self) -> Self:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hostile.attacker"],
            cwd=SUPPORT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(asdict(self._target))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, whatever it does."""
        process = self._running()
        process.kill()
        process.communicate(timeout=END_SECONDS)

    def _told(self, order: dict[str, Any]) -> dict[str, Any]:
        self._say(order)
        answer = self._pipes()[1].readline()
        assert answer, "the attackers have failed; see what they printed"
        told: dict[str, Any] = json.loads(answer)
        return told

    def _say(self, what: object) -> None:
        orders, _ = self._pipes()
        orders.write(json.dumps(what) + "\n")
        orders.flush()

    def _pipes(self) -> tuple[Any, Any]:
        process = self._running()
        return process.stdin, process.stdout

    def _running(self) -> "subprocess.Popen[str]":
        assert self._process is not None, "the attackers were not started"
        return self._process
