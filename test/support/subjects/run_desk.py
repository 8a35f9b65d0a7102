"""The use cases of a turn on a worker without a server, and a user with a session."""

from typing import Any

from worlds.run_world import LONG, RunWorld, read_to_the_end
from worlds.stores import new_id

from controllers.readers import Readers
from controllers.runs import RunParts, RunsController, Started, TurnDefaults, TurnRequest
from services.admission.turns import TurnAdmission
from services.admission.windows.local import LocalWindows
from services.admission.windows.turn_limit import TurnLimit
from services.domain.catalog import ModelChoice
from services.domain.limits import Limit
from services.domain.users import Caller, Role
from services.streams.follow import Followers
from services.streams.places import ReaderCaps

HELLO = TurnRequest(content="Hello", choice=ModelChoice())


class RunDesk:
    """A controller on a world, and a caller with a session."""

    def __init__(self, world: RunWorld, limit: int = 5, streams: int = 10) -> None:
        """Allow so many messages an hour, and so many streams at once."""
        self.world = world
        self.session = world.new_session()
        self.caller = Caller(
            user_id=self.session.user_id, tenant_id=new_id(), role=Role.MEMBER, login_id=new_id()
        )
        self.windows = LocalWindows()
        self.limits = [Limit(f"{limit} per hour", limit, 3600)]
        self.drain = world.drain(1)
        caps = ReaderCaps(streams=streams, per_run=32, per_user=64)
        followers = Followers(caps, 10, world.metrics)
        self.readers = Readers(world.runs, world.log, followers)
        self.runs = RunsController(self._parts(), self.readers)

    @property
    def left(self) -> int:
        """Give how many messages the user may send."""
        subject = f"ai:{self.caller.user_id}"
        return self.windows.look(subject, self.limits).tightest.remaining

    def _parts(self) -> RunParts:
        defaults = TurnDefaults(
            temperature=0.7,
            max_tokens=1000,
            context_messages=10,
            max_active_runs=None,
            times=LONG,
        )
        return RunParts(
            store=self.world.runs,
            log=self.world.log,
            runner=self.world.runner,
            drain=self.drain,
            providers=self.world.providers,
            router=self.world.router,
            admission=TurnAdmission(TurnLimit(self.windows, self.limits), self.world.queue),
            defaults=defaults,
            worker_id=self.world.worker_id,
        )

    def start(self, turn: TurnRequest = HELLO, key: Any = None) -> Started:
        """Start a turn of the session."""
        return self.runs.start(self.caller, self.session.id, turn, key)

    def text_of(self, started: Started) -> str:
        """Read a run to its end."""
        return read_to_the_end(self.runs.follow(self.caller, started, lambda: True)).text
