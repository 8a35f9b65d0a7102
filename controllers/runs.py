"""READ THIS FIRST: a turn from request to reader.

    admit   limits are tested, then the turn is begun, then limits are taken
    begin   one store call: user message, placeholder, run
    run     the log is opened, the runner relays the provider's events into it
    settle  the runner stores the end, then tells it

Whoever reads (the POST that began the run, a second tab, a blocking call) is a follower of the
log. A reader that goes away stops nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from uuid_utils.compat import uuid7

from controllers.readers import Readers
from services.admission.waiting.burst_queue import BurstQueue, Place
from services.domain.catalog import Model, ModelChoice, Strategy
from services.domain.costs import estimate_tokens
from services.domain.errors.base import CharlaError
from services.domain.errors.outages import Draining
from services.domain.limits import Priority
from services.domain.runs import (
    BeginTurn,
    BegunTurn,
    IdempotencyKey,
    ParentRule,
    Run,
)
from services.domain.sessions import NewSession
from services.domain.users import Caller
from services.providers.base import Provider, ProviderRequest
from services.runs.asking.routing import Choice, Router
from services.runs.drain import Drain
from services.runs.living.run import Ending, Living, RunTimes
from services.runs.runner import Runner
from services.stores.base.runs import Replay, RunStore
from services.streams.base import Nudge, NudgeKind, RunLog
from services.streams.follow import Subscription


class Admission(Protocol):
    """The limit of AI requests of an account."""

    def test(self, user_id: str) -> None:
        """Raise TooManyRequests where one more request is over the limit."""

    def take(self, user_id: str) -> None:
        """Count a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRequest:
    """What a client asks for; None: the session's choice, else the default."""

    content: str
    choice: ModelChoice
    temperature: float | None = None
    max_tokens: int | None = None
    parent: ParentRule = ParentRule.ACTIVE_LEAF
    parent_id: str | None = None
    strategy: Strategy | None = None
    priority: Priority = Priority.INTERACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDefaults:
    """What holds where a request says nothing, and what bounds every turn."""

    temperature: float
    max_tokens: int
    context_messages: int
    max_active_runs: int | None
    times: RunTimes


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was begun, or found again by its key."""

    run: Run
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """What a turn passes through, from the composition root."""

    store: RunStore
    log: RunLog
    runner: Runner
    drain: Drain
    providers: Mapping[str, Provider]
    router: Router
    queue: BurstQueue
    defaults: TurnDefaults
    worker_id: str


class RunsController:
    """Begins, reads and stops runs."""

    def __init__(self, parts: RunParts, readers: Readers, admission: Admission) -> None:
        """Take the collaborators."""
        self._parts = parts
        self._readers = readers
        self._admission = admission

    def start(
        self,
        caller: Caller,
        session_id: str,
        turn: TurnRequest,
        key: IdempotencyKey | None = None,
        new_session: NewSession | None = None,
    ) -> Started:
        """Begin a turn in a session, which is made with it where `new_session` says how.

        A known key returns its run and costs no limit. Raises what `begin_turn` raises, and
        Draining, TooManyStreams, TooManyRequests; nothing was begun then.
        """
        try:
            chosen = self._choose(turn)
            place = self._admit(caller, chosen.likely)
        except CharlaError:
            replay = self._find(caller, key)
            if replay is None or replay.run_id is None:
                raise
            return Started(self._parts.store.get(caller.user_id, replay.run_id), replayed=True)
        try:
            begun = self._parts.store.begin_turn(
                self._begin(caller, session_id, (turn, chosen), key, new_session)
            )
            if not begun.replayed:
                self._admission.take(caller.user_id)
                self._launch(begun, (turn, chosen), place)
        except BaseException:
            place.give_back()
            raise
        if begun.replayed:
            place.give_back()
        return Started(begun.run, replayed=begun.replayed)

    def _choose(self, turn: TurnRequest) -> Choice:
        """Choose who is asked, and refuse what a model that was named does not do."""
        tokens = estimate_tokens(turn.content) + (
            turn.max_tokens or self._parts.defaults.max_tokens
        )
        chosen = self._parts.router.choose(turn.choice, turn.strategy, tokens)
        if turn.choice and chosen.offers.knows(chosen.likely):
            chosen.likely.check(temperature=turn.temperature, max_tokens=turn.max_tokens)
        return chosen

    def _admit(self, caller: Caller, likely: Model) -> Place:
        """Test what may refuse a turn before anything is begun; give its place before the model."""
        if self._parts.drain.is_draining:
            raise Draining
        self._readers.check_room(caller)
        self._admission.test(caller.user_id)
        return self._parts.queue.hold(likely.provider)

    def _find(self, caller: Caller, key: IdempotencyKey | None) -> Replay | None:
        return self._parts.store.find_key(caller.user_id, key) if key else None

    def _begin(
        self,
        caller: Caller,
        session_id: str,
        wanted: tuple[TurnRequest, Choice],
        key: IdempotencyKey | None,
        new_session: NewSession | None,
    ) -> BeginTurn:
        defaults = self._parts.defaults
        turn, chosen = wanted
        counting = self._parts.providers[chosen.likely.provider]
        return BeginTurn(
            run_id=str(uuid7()),
            user_message_id=str(uuid7()),
            message_id=str(uuid7()),
            session_id=session_id,
            user_id=caller.user_id,
            tenant_id=caller.tenant_id,
            worker_id=self._parts.worker_id,
            content=turn.content,
            token_estimate=counting.count_tokens(turn.content),
            choice=chosen.choice,
            offers=chosen.offers,
            max_tokens=turn.max_tokens or defaults.max_tokens,
            context_messages=defaults.context_messages,
            created_at=datetime.now(UTC),
            new_session=new_session,
            parent=turn.parent,
            parent_id=turn.parent_id,
            key=key,
            max_active_runs=defaults.max_active_runs,
        )

    def _launch(self, begun: BegunTurn, wanted: tuple[TurnRequest, Choice], place: Place) -> None:
        """Open the log and let the run go; nothing here can fail or wait."""
        defaults = self._parts.defaults
        turn, chosen = wanted
        temperature = defaults.temperature if turn.temperature is None else turn.temperature
        request = ProviderRequest(
            model=begun.model,
            messages=begun.context,
            system_prompt=begun.system_prompt,
            temperature=temperature,
            max_tokens=begun.max_tokens,
        )
        # What is neither the request's name nor our choice was named by the session.
        is_named = turn.choice.model is not None or not chosen.likely.is_same(begun.model)
        plan = self._parts.router.plan(request, turn.strategy, is_named=is_named)
        writer = self._parts.log.open(begun.run.id, begun.run.epoch)
        writer.append(begun.run.start_event)
        living = Living(begun, plan, writer, defaults.times, turn.priority, place)
        self._parts.runner.launch(living)

    def follow(
        self, caller: Caller, started: Started, may_go_on: Callable[[], bool]
    ) -> Subscription:
        """Read a run from its start; only who began it gets no `resume` first."""
        if started.replayed:
            return self._readers.attach(caller, started.run, None, may_go_on)
        return self._readers.begin(caller, started.run, may_go_on)

    def attach_to_session(
        self,
        caller: Caller,
        session_id: str,
        last_event_id: str | None,
        may_go_on: Callable[[], bool],
    ) -> Subscription | None:
        """Read on in a session: the run that the id names, else the newest.

        None: there is no id and nothing is active, or the terminal event was seen already.
        """
        run = self._readers.run_to_attach(caller, session_id, last_event_id)
        if run is None:
            return None
        return self._readers.resume(caller, run, last_event_id, may_go_on)

    def attach_to_run(
        self,
        caller: Caller,
        run_id: str,
        last_event_id: str | None,
        may_go_on: Callable[[], bool],
    ) -> Subscription | None:
        """Read a run, an ended one too; None: its terminal event was seen already."""
        run = self._parts.store.get(caller.user_id, run_id)
        return self._readers.resume(caller, run, last_event_id, may_go_on)

    def get(self, caller: Caller, run_id: str) -> Run:
        """Read a run's state."""
        return self._parts.store.get(caller.user_id, run_id)

    def stop(self, caller: Caller, run_id: str) -> Run:
        """Ask for a run's end; one that has ended stays as it is."""
        run = self._parts.store.request_stop(caller.user_id, run_id, datetime.now(UTC))
        if run.is_active:
            is_here = run_id in self._parts.runner
            self._parts.runner.end(run_id, Ending.STOPPED)
            if not is_here:
                self._parts.log.send(Nudge(NudgeKind.STOP, run_id))
        return run
