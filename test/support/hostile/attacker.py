"""The attackers, as a process of their own: `python -m hostile.attacker`.

It reads a target as one line of JSON, then orders, a line each: an attack to begin beside those
that go on, or `end`, which ends all of them. It answers each order with a line: `{"begun": true}`,
or what the attackers got, by attack and by name, with its count.
"""

import json
import sys
import time
from collections import Counter
from typing import Any

import gevent
from gevent.fileobject import FileObject
from hostile.attack import Attack, Scene, Target
from hostile.attacks.every import BY_NAME
from hostile.wire import CLOSED, WAITS

WAVE = 50
"""So many connect at the same moment: the attack is not on the queue of connections."""


class Attackers:
    """The greenlets of one attack."""

    def __init__(self, attack: Attack, target: Target, order: dict[str, Any]) -> None:
        """Prepare; an order may want more attackers, or each of them again after a pause."""
        self._attack = attack
        self._scene = Scene(target)
        self._count: int = order.get("at_once") or attack.at_once
        self._pause: float | None = order.get("pause", attack.pause)
        self._got: Counter[str] = Counter()
        self._acting: list[gevent.Greenlet[..., None]] = []

    def begin(self) -> None:
        """Begin; most attackers have connected when this returns."""
        for number in range(self._count):
            self._acting.append(gevent.spawn(self._go_on, number))
            if number % WAVE == WAVE - 1:
                gevent.sleep(0.02)
        gevent.sleep(0.1)

    def end(self) -> Counter[str]:
        """End; give what the attackers got."""
        target = self._scene.target
        self._scene.over.set()
        gevent.joinall(self._acting, timeout=2 * (target.deadline + target.patience))
        left = [one for one in self._acting if not one.ready()]
        gevent.killall(left)
        self._got[WAITS] += len(left)
        return +self._got

    def _go_on(self, number: int) -> None:
        while True:
            began = time.monotonic()
            self._got[self._acted(number)] += 1
            if self._pause is None or self._scene.over.is_set():
                return
            self._scene.over.wait(max(0.0, began + self._pause - time.monotonic()))
            if self._scene.over.is_set():
                return

    def _acted(self, number: int) -> str:
        try:
            return self._attack.act(self._scene, number)
        except OSError:
            return CLOSED


def main() -> None:
    """Obey orders until there are none."""
    orders = FileObject(sys.stdin.fileno(), "rb")
    known = json.loads(orders.readline())
    for name in ("tokens", "sessions"):
        known[name] = tuple(known[name])
    target, going_on = Target(**known), dict[str, Attackers]()
    for line in orders:
        order = json.loads(line)
        if "attack" in order:
            name = order["attack"]
            going_on[name] = Attackers(BY_NAME[name], target, order)
            going_on[name].begin()
            _say({"begun": True})
        else:
            ending = {name: gevent.spawn(one.end) for name, one in going_on.items()}
            _say({name: one.get() for name, one in ending.items()})
            going_on.clear()


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
