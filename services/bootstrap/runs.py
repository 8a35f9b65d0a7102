"""Builds what answers turns: the router, the gate, the runner and the settler."""

from services.admission.counters import Counters
from services.bootstrap.admission import build_queue
from services.bootstrap.named_models import named_models
from services.bootstrap.offers import Asked, failover_chain
from services.domain.catalog import Strategy
from services.runs.asking.absences import Absences, key_of
from services.runs.asking.attempts import Attempts
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.gate import Gate
from services.runs.asking.pump import Pump
from services.runs.asking.retries import RetryRules
from services.runs.asking.routing import Router, RoutingRules
from services.runs.ending.outbox import Outbox
from services.runs.ending.settler import Settler
from services.runs.runner import CLOSE_SECONDS, Runner
from services.settings.whole import Settings
from services.stores.base.runs import RunStore
from services.telemetry.metrics import Metrics
from services.worker.services import Answering


def build_answering(
    settings: Settings, asked: Asked, counters: Counters, metrics: Metrics
) -> Answering:
    """Build what chooses among the models, and what lets calls out to them."""
    routing = settings.routing
    queue = build_queue(settings, counters, metrics)
    first_tokens = FirstTokens()
    named = {key_of(one.model) for one in named_models(settings, asked.offers) if one.is_set}
    absences = Absences(routing.model_gone_seconds, named)
    rules = RoutingRules(
        strategy=Strategy(routing.default_strategy),
        failover=failover_chain(settings, asked.offers),
        hedge_seconds=routing.hedge_seconds,
    )
    return Answering(
        providers=asked.providers,
        offers=asked.offers,
        router=Router(asked.offers, rules, counters.breakers, first_tokens, absences),
        gate=Gate(counters.breakers, queue, counters.quotas, first_tokens, absences),
        queue=queue,
    )


def build_runner(
    settings: Settings,
    answering: Answering,
    settler: Settler,
    metrics: Metrics,
    close_seconds: float = CLOSE_SECONDS,
) -> Runner:
    """Build what runs answers; a provider may take `close_seconds` to close its upstream."""
    given = settings.providers
    rules = RetryRules(
        retries=given.retries,
        min_seconds=given.retry_min_seconds,
        max_seconds=given.retry_max_seconds,
        retry_after_max=given.retry_after_max_seconds,
    )
    attempts = Attempts(answering.providers, answering.gate)
    pump = Pump(attempts, rules, answering.router.instead_of)
    return Runner(pump, settler, metrics, close_seconds)


def build_settler(settings: Settings, store: RunStore, outbox: Outbox) -> Settler:
    """Build what stores the ends of runs."""
    return Settler(store, outbox, settings.runs.settle_retry_seconds)
