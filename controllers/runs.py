"""READ THIS FIRST: a turn from request to reader.

    admit   limits are taken, and given back where the turn is not begun
    begin   one store call: user message, placeholder, run
    run     the log is opened, the runner relays the provider's events into it
    settle  the runner stores the end, then appends the terminal event to the log

Every reader (the POST that began the run, a second tab, a blocking call) follows the log. A reader
that goes away stops nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from controllers.readers import MayGoOn, Readers
from services.admission.turns import TurnAdmission, TurnHold
from services.admission.waiting.burst_queue import Place
from services.domain.catalog import Model, ModelChoice, Strategy
from services.domain.costs import estimate_tokens
from services.domain.errors.base import CharlaError
from services.domain.errors.outages import Draining
from services.domain.limits import Priority, Standing
from services.domain.runs import (
    BeginTurn,
    BegunTurn,
    ChosenBy,
    IdempotencyKey,
    ParentRule,
    Run,
)
from services.domain.sessions import NewSession
from services.domain.users import Caller
from services.providers.base import Provider, ProviderRequest
from services.runs.asking.routing import Choice, Router
from services.runs.drain import Drain
from services.runs.living.clock import RunTimes
from services.runs.living.run import Ending, Living
from services.runs.runner import Runner
from services.stores.base.runs import RunStore
from services.streams.base import LogReader, Nudge, NudgeKind, RunLog
from services.streams.follow import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRequest:
    """What a client asks for; None: the session's choice holds, else the default."""

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
    """The values for what a request leaves out, and the bounds of every turn."""

    temperature: float
    max_tokens: int
    context_messages: int
    max_active_runs: int | None
    times: RunTimes


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was begun, or found again by its key.

    `standing` is the user's standing with the limit of messages; None where there is no limit, or
    the standing is not told. `log` is set where this call began the run.
    """

    run: Run
    standing: Standing | None = None
    log: LogReader | None = None

    @property
    def replayed(self) -> bool:
        """Tell whether the run was found again by its key."""
        return self.log is None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a client asked for, and the models that may answer it."""

    turn: TurnRequest
    chosen: Choice

    def is_named(self, begun: BegunTurn) -> bool:
        """Tell whether a person named the model, in the request or in the session."""
        by_session = begun.chosen_by is ChosenBy.SESSION
        named = begun.session_choice if by_session else self.turn.choice
        return named.model is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """What a turn passes through, from the composition root."""

    store: RunStore
    log: RunLog
    runner: Runner
    drain: Drain
    providers: Mapping[str, Provider]
    router: Router
    admission: TurnAdmission
    defaults: TurnDefaults
    worker_id: str


class RunsController:
    """Begins, reads and stops runs."""

    def __init__(self, parts: RunParts, readers: Readers) -> None:
        """Take the collaborators."""
        self._parts = parts
        self._readers = readers

    def start(
        self,
        caller: Caller,
        session_id: str,
        turn: TurnRequest,
        key: IdempotencyKey | None = None,
        new_session: NewSession | None = None,
    ) -> Started:
        """Begin a turn in a session; with `new_session`, the session is made with the turn.

        It may be called within a request or outside one. A known key returns its run and takes
        nothing from the limits. Raises what `begin_turn` raises, and Draining, TooManyStreams,
        TooManyRequests; in that case nothing was begun.
        """
        try:
            wanted = _Wanted(turn, self._choose(turn))
            hold = self._admit(caller, wanted.chosen.likely)
        except CharlaError as refusal:
            return self._replayed(caller, key, refusal)
        with hold:
            begin = self._begin(caller, session_id, wanted, key, new_session)
            try:
                begun = self._parts.store.begin_turn(begin)
            except CharlaError as refusal:
                hold.give_back()
                raise refusal.with_standing(hold.standing) from refusal
            if begun.replayed:
                hold.give_back()
                return Started(begun.run, hold.standing)
            place = hold.take()
            try:
                log = self._launch(begun, wanted, place)
            except BaseException:
                place.give_back()
                raise
            return Started(begun.run, hold.standing, log)

    def _replayed(
        self, caller: Caller, key: IdempotencyKey | None, refusal: CharlaError
    ) -> Started:
        """Give the run of a known key, or raise the refusal."""
        replay = self._parts.store.find_key(caller.user_id, key) if key else None
        if replay is None or replay.run_id is None:
            raise refusal
        run = self._parts.store.get(caller.user_id, replay.run_id)
        return Started(run, refusal.standing)

    def _choose(self, turn: TurnRequest) -> Choice:
        """Choose the models to ask; refuse a request that the named model cannot serve."""
        tokens = estimate_tokens(turn.content) + (
            turn.max_tokens or self._parts.defaults.max_tokens
        )
        chosen = self._parts.router.choose(turn.choice, turn.strategy, tokens)
        if turn.choice and chosen.offers.knows(chosen.likely):
            chosen.likely.check(temperature=turn.temperature, max_tokens=turn.max_tokens)
        return chosen

    def _admit(self, caller: Caller, likely: Model) -> TurnHold:
        """Ask, before anything is begun, all that may refuse a turn, and hold what it needs."""
        if self._parts.drain.is_draining:
            raise Draining
        self._readers.check_room(caller)
        return self._parts.admission.hold(caller.user_id, likely.provider)

    def _begin(
        self,
        caller: Caller,
        session_id: str,
        wanted: _Wanted,
        key: IdempotencyKey | None,
        new_session: NewSession | None,
    ) -> BeginTurn:
        defaults = self._parts.defaults
        turn, chosen = wanted.turn, wanted.chosen
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

    def _launch(self, begun: BegunTurn, wanted: _Wanted, place: Place) -> LogReader:
        """Open the log, launch the run, and give the log to read; nothing here fails or waits."""
        defaults, turn = self._parts.defaults, wanted.turn
        temperature = defaults.temperature if turn.temperature is None else turn.temperature
        request = ProviderRequest(
            model=begun.model,
            messages=begun.context,
            system_prompt=begun.system_prompt,
            temperature=temperature,
            max_tokens=begun.max_tokens,
        )
        plan = self._parts.router.plan(request, turn.strategy, is_named=wanted.is_named(begun))
        writer = self._parts.log.open(begun.run.id, begun.run.epoch)
        writer.append(begun.run.start_event)
        living = Living(begun, plan, writer, defaults.times, turn.priority, place)
        self._parts.runner.launch(living)
        return writer.reader()

    def follow(self, caller: Caller, started: Started, may_go_on: MayGoOn) -> Subscription:
        """Read a run from its start; unless `started` began it, a `resume` comes first."""
        if started.log is None:
            return self._readers.attach(caller, started.run, None, may_go_on)
        return self._readers.begin(caller, started.log, may_go_on)

    def follow_on(
        self, caller: Caller, started: Started, last_event_id: str | None, may_go_on: MayGoOn
    ) -> Subscription | None:
        """Read a run that `started` began, or read on in one that was found by its key.

        None: its terminal event was seen already.
        """
        if started.log is None:
            return self._readers.resume(caller, started.run, last_event_id, may_go_on)
        return self._readers.begin(caller, started.log, may_go_on)

    def attach_to_session(
        self, caller: Caller, session_id: str, last_event_id: str | None, may_go_on: MayGoOn
    ) -> Subscription | None:
        """Read on in a session: follow the run that the id names, else the newest run.

        None: there is no id and no run is active, or the terminal event was seen already.
        """
        run = self._readers.run_to_attach(caller, session_id, last_event_id)
        if run is None:
            return None
        return self._readers.resume(caller, run, last_event_id, may_go_on)

    def attach_to_run(
        self, caller: Caller, run_id: str, last_event_id: str | None, may_go_on: MayGoOn
    ) -> Subscription | None:
        """Read a run, active or ended; None: its terminal event was seen already."""
        run = self._parts.store.get(caller.user_id, run_id)
        return self._readers.resume(caller, run, last_event_id, may_go_on)

    def get(self, caller: Caller, run_id: str) -> Run:
        """Read a run's state."""
        return self._parts.store.get(caller.user_id, run_id)

    def stop(self, caller: Caller, run_id: str) -> Run:
        """Ask a run to stop; a run that has ended stays as it is."""
        run = self._parts.store.request_stop(caller.user_id, run_id, datetime.now(UTC))
        if run.is_active:
            is_here = run_id in self._parts.runner
            self._parts.runner.end(run_id, Ending.STOPPED)
            if not is_here:
                self._parts.log.send(Nudge(NudgeKind.STOP, run_id))
        return run
