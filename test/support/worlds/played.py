"""Stand-ins for what a run meets: a provider that plays a script, a store that can be away."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias, TypeVar

import gevent
from gevent.event import Event
from worlds.stores import LARGE, SMALL

from services.domain.catalog import Model
from services.domain.costs import estimate_tokens
from services.domain.errors.outages import StoreUnavailable
from services.domain.events import ProviderEvent
from services.domain.runs import (
    BeatReply,
    BeginTurn,
    BegunTurn,
    ClaimedRun,
    IdempotencyKey,
    Piece,
    Run,
    RunBeat,
    Settled,
    Settlement,
)
from services.providers.base import Provider, ProviderRequest
from services.stores.base.runs import Replay, RunStore

Result = TypeVar("Result")
Step: TypeAlias = ProviderEvent | Exception | Event | float
"""An event to yield, an error to raise, an event of gevent or a number of seconds to wait for."""


class PlayedProvider(Provider):
    """Plays one script a call; the last script is played for every further call.

    `journal` notes when calls went out and when their generators were closed.
    """

    name = "scripted"
    models: Sequence[Model] = (LARGE, SMALL)

    def __init__(self, *scripts: Sequence[Step], name: str = "") -> None:
        """Take the scripts; with a `name`, this is another provider with models of its own."""
        self._scripts = scripts
        if name:
            self.name = name
            self.models = tuple(replace(model, provider=name) for model in (LARGE, SMALL))
        self.requests: list[ProviderRequest] = []
        self.journal: list[str] = []
        self.is_reached = Event()

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Play the next script; `is_reached` is set before each wait for an event of gevent."""
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        self.journal.append("called")
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, Event):
                    self.is_reached.set()
                    step.wait()
                elif isinstance(step, float):
                    gevent.sleep(step)
                else:
                    yield step
        finally:
            self.journal.append("closed")

    def list_models(self) -> Sequence[str]:
        """Give the names of the models."""
        return [model.name for model in self.models]

    def count_tokens(self, text: str) -> int:
        """Estimate the tokens of a text."""
        return estimate_tokens(text)

    def warm_up(self) -> None:
        """Do nothing: there is nothing to load."""

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class ShakyRuns(RunStore):
    """A run store that can be away: it notes each call, which fails as long as a test wants.

    `away` names the methods that raise StoreUnavailable; `broken` those that raise ValueError;
    `answers_lost` those that do their work and then raise StoreUnavailable. Runs in `poisoned`
    cannot be settled.
    """

    def __init__(self, inner: RunStore, journal: list[str]) -> None:
        """Pass calls on to a real store, and note them in `journal`."""
        self.inner = inner
        self.away: set[str] = set()
        self.broken: set[str] = set()
        self.answers_lost: set[str] = set()
        self.poisoned: set[str] = set()
        self.journal = journal

    def _do(self, name: str, call: Callable[[], Result]) -> Result:
        self.journal.append(name)
        if name in self.away:
            raise StoreUnavailable
        if name in self.broken:
            raise ValueError(name)
        result = call()
        if name in self.answers_lost:
            raise StoreUnavailable
        return result

    def begin_turn(self, turn: BeginTurn) -> BegunTurn:
        """Pass it on."""
        return self._do("begin_turn", lambda: self.inner.begin_turn(turn))

    def find_key(self, user_id: str, key: IdempotencyKey) -> Replay | None:
        """Pass it on."""
        return self._do("find_key", lambda: self.inner.find_key(user_id, key))

    def settle_turn(self, settlement: Settlement) -> Settled:
        """Pass it on, unless the run is poisoned."""
        if settlement.run_id in self.poisoned:
            raise ValueError(settlement.run_id)
        return self._do("settle_turn", lambda: self.inner.settle_turn(settlement))

    def get(self, user_id: str, run_id: str) -> Run:
        """Pass it on."""
        return self._do("get", lambda: self.inner.get(user_id, run_id))

    def latest(self, user_id: str, session_id: str) -> Run | None:
        """Pass it on."""
        return self._do("latest", lambda: self.inner.latest(user_id, session_id))

    def text(self, user_id: str, run_id: str) -> str:
        """Pass it on."""
        return self._do("text", lambda: self.inner.text(user_id, run_id))

    def progress(self, user_id: str, run_id: str) -> Piece:
        """Pass it on."""
        return self._do("progress", lambda: self.inner.progress(user_id, run_id))

    def request_stop(self, user_id: str, run_id: str, now: datetime) -> Run:
        """Pass it on."""
        return self._do("request_stop", lambda: self.inner.request_stop(user_id, run_id, now))

    def beat(self, worker_id: str, beats: Sequence[RunBeat], now: datetime) -> BeatReply:
        """Pass it on."""
        return self._do("beat", lambda: self.inner.beat(worker_id, beats, now))

    def claim_dead(self, worker_id: str, dead: Sequence[str], limit: int) -> Sequence[ClaimedRun]:
        """Pass it on."""
        return self._do("claim_dead", lambda: self.inner.claim_dead(worker_id, dead, limit))

    def states(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        """Pass it on."""
        return self._do("states", lambda: self.inner.states(run_ids))

    def forget_workers(self, worker_ids: Sequence[str]) -> None:
        """Pass it on."""
        self._do("forget_workers", lambda: self.inner.forget_workers(worker_ids))

    def purge(self, keys_before: datetime) -> int:
        """Pass it on."""
        return self._do("purge", lambda: self.inner.purge(keys_before))
