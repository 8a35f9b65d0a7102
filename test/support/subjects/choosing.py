"""Models of several providers, and a router that chooses among them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from subjects.clock import Clock

from services.admission.breakers.base import BreakerRules
from services.admission.breakers.local import LocalBreakers
from services.domain.catalog import Model, ModelChoice, Offers, Strategy, Tier
from services.domain.costs import Price
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole
from services.providers.base import ProviderRequest
from services.runs.asking.absences import Absences
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.routing import Router, RoutingRules
from services.runs.living.plan import Plan


def model(provider: str, name: str, dollars: float | None, tier: Tier = Tier.SMALL) -> Model:
    """Make a model whose input and output cost the same."""
    each = None if dollars is None else Decimal(str(dollars))
    price = None if each is None else Price(each, each, each)
    return Model(
        provider=provider, name=name, window=10_000, max_output=1000, price=price, tier=tier
    )


FLASH = model("gemini", "flash", 0.3)
PRO = model("gemini", "pro", 5, Tier.LARGE)
MINI = model("openai", "mini", 0.2)
GPT = model("openai", "gpt", 8, Tier.LARGE)
HAIKU = replace(model("anthropic", "haiku", 1), max_temperature=1.0)
OPUS = model("anthropic", "opus", 20, Tier.LARGE)
SCRIPTED = model("scripted", "scripted-1", None)
ALL = (FLASH, PRO, MINI, GPT, HAIKU, OPUS, SCRIPTED)
OFFERS = Offers(ALL, FLASH, "gemini")
KEYLESS = Offers((SCRIPTED,), SCRIPTED, "scripted")


TODAY = date(2026, 11, 30)


class Choosing:
    """A router, and what it knows."""

    def __init__(self, offers: Offers = OFFERS, **rules: object) -> None:
        """Begin with a router that knows nothing yet."""
        self.breakers = LocalBreakers(BreakerRules(failures=1))
        self.times = FirstTokens()
        self.clock = Clock()
        self.absences = Absences(600, clock=self.clock, day=lambda: TODAY)
        self.router = Router(
            offers,
            RoutingRules(**rules),  # type: ignore[arg-type]  # the rules' own fields
            self.breakers,
            self.times,
            self.absences,
        )

    def first(
        self, strategy: Strategy | None = None, provider: str | None = None, name: str | None = None
    ) -> Model:
        """Give the model that would be picked if the session names nothing."""
        chosen = self.router.choose(ModelChoice(provider, name), strategy)
        return chosen.offers.pick(chosen.choice)

    def plan(self, first: Model, strategy: Strategy | None = None, **fields: object) -> Plan:
        """Plan an answer."""
        return self.router.plan(replace(request_to(first), **fields), strategy)  # type: ignore[arg-type]  # the request's own fields


def request_to(first: Model) -> ProviderRequest:
    """Ask for something short."""
    return ProviderRequest(
        model=first,
        messages=(ContextMessage(MessageRole.USER, "Hello", 2),),
        system_prompt=None,
        temperature=1.7,
        max_tokens=5000,
    )


def names(plan: Plan) -> list[str]:
    """Name the models of a plan, in order."""
    return [request.model.name for request in plan.requests]
