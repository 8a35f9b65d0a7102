"""What a turn costs before its call goes out: choosing the models, and admitting the call."""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal

from services.admission.breakers.base import BreakerRules, Breakers
from services.admission.breakers.local import LocalBreakers
from services.admission.breakers.shared import SharedBreakers
from services.admission.quotas.base import Quota, Quotas
from services.admission.quotas.local import LocalQuotas
from services.admission.quotas.shared import SharedQuotas
from services.admission.shared_link import SharedLink
from services.admission.waiting.burst_queue import BurstQueue, Request
from services.domain.catalog import Model, ModelChoice, Offers, Strategy, Tier
from services.domain.costs import Price
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole
from services.providers.base import ProviderRequest
from services.redis.worker_redis import WorkerRedis
from services.runs.asking.absences import Absences
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.routing import Router, RoutingRules

TURNS = 1000
LIMITS = {"gemini": Quota(1_000_000, 1_000_000_000)}
"""So large that no call waits: what is measured is the counting."""

WINDOW_SECONDS = 60.0


def measure_turns(redis_url: str) -> Mapping[str, float]:
    """Give the microseconds of each part: the median of many turns."""
    link = SharedLink(WorkerRedis(redis_url), 1)
    rules = BreakerRules()
    quotas = SharedQuotas(link, LIMITS, WINDOW_SECONDS)
    try:
        return {
            "choosing among 15 models": _microseconds(_choosing()),
            "limiting, one process": _microseconds(
                _limiting(LocalQuotas(LIMITS, WINDOW_SECONDS), LocalBreakers(rules))
            ),
            "limiting, over Redis": _microseconds(_limiting(quotas, SharedBreakers(link, rules))),
        }
    finally:
        quotas.close()


def _microseconds(turn: Callable[[], object]) -> float:
    times = []
    for _ in range(TURNS):
        began = time.perf_counter()
        turn()
        times.append(time.perf_counter() - began)
    return sorted(times)[TURNS // 2] * 1e6


def _choosing() -> Callable[[], object]:
    models = [
        _model(provider, number)
        for provider in ("gemini", "openai", "anthropic")
        for number in range(5)
    ]
    router = Router(
        Offers(models, models[0], "gemini"),
        RoutingRules(),
        LocalBreakers(BreakerRules()),
        FirstTokens(),
        Absences(600),
    )
    message = ContextMessage(MessageRole.USER, "Hola", 1)

    def turn() -> object:
        chosen = router.choose(ModelChoice(), Strategy.CHEAP)
        request = ProviderRequest(
            model=chosen.likely,
            messages=[message] * 9,
            system_prompt=None,
            temperature=0.7,
            max_tokens=1000,
        )
        return router.plan(request, Strategy.CHEAP)

    return turn


def _limiting(quotas: Quotas, breakers: Breakers) -> Callable[[], object]:
    queue = BurstQueue(quotas, 100)

    def turn() -> object:
        place = queue.hold("gemini", "user")
        breakers.state("gemini", "flash")
        breakers.admit("gemini", "flash")
        wanted = Request(provider="gemini", user_id="one", tokens=1000, tell=lambda _: None)
        reservation = queue.enter(wanted, place)
        quotas.arrived(reservation)
        breakers.succeeded("gemini", "flash")
        return quotas.correct(reservation, 500)

    return turn


def _model(provider: str, number: int) -> Model:
    each = Decimal(number + 1)
    return Model(
        provider=provider,
        name=f"{provider}-{number}",
        window=100_000,
        max_output=8_000,
        price=Price(each, each, each),
        tier=Tier.LARGE if number > 2 else Tier.SMALL,  # noqa: PLR2004 - about half of them
    )
