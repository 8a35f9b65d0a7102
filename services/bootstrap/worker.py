"""Builds a whole worker, in one of the three combinations of adapters."""

from services.admission.sessions import SessionAdmission
from services.admission.turns import TurnAdmission
from services.bootstrap import (
    admission,
    identity,
    leases,
    offers,
    runs,
    shared_redis,
    stores,
    streams,
)
from services.runs.drain import Drain
from services.runs.ending.outbox import FOLDER as OUTBOX_FOLDER
from services.runs.ending.outbox import Outbox
from services.settings.load import figures_slot
from services.settings.whole import Settings
from services.telemetry.metrics import Metrics
from services.worker.services import Services


def build_services(settings: Settings) -> Services:
    """Build everything that use cases are made of."""
    worker_id = leases.new_worker_id(settings)
    metrics = Metrics(figures_slot())
    store = stores.build(settings)
    redis = shared_redis.build(settings, metrics)
    log = streams.build(settings, store.runs, metrics, redis)
    counters = admission.build(settings, metrics, redis)
    answering = runs.build_answering(settings, offers.build(settings, metrics), counters, metrics)
    outbox = Outbox(settings.server.data_dir / OUTBOX_FOLDER)
    settler = runs.build_settler(settings, store.runs, outbox)
    runner = runs.build_runner(settings, answering, settler, metrics)
    followers = streams.build_followers(settings, metrics)
    shared = leases.Shared(store=store, log=log, outbox=outbox, runner=runner)
    turn_limit = admission.build_turn_limit(settings, counters.windows)
    return Services(
        settings=settings,
        worker_id=worker_id,
        store=store,
        log=log,
        followers=followers,
        counters=counters,
        turns=TurnAdmission(turn_limit, answering.queue),
        sessions=SessionAdmission(admission.build_write_limit(settings, counters.windows)),
        answering=answering,
        runner=runner,
        drain=Drain(runner, log, followers, settings.server.graceful_timeout),
        identity=identity.build(settings, store, log, metrics, counters.windows),
        background=leases.build_background(settings, shared, worker_id),
        metrics=metrics,
    )
