"""Which models are asked for an answer, and in which order.

A request names a model, a provider, a strategy, or nothing. Before a turn is begun, `choose` says
what the store may pick. Once it is begun, `plan` lists the models to ask: the one that was picked,
then those that answer where it cannot. A demonstration is never among the latter. Where nobody
named a model, none is chosen that has ended or that its provider does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from services.admission.breakers.base import Breakers, BreakerState
from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers, Strategy, Tier
from services.domain.context import fit_context
from services.domain.errors.requests import ContextTooLong
from services.providers.base import ProviderRequest
from services.providers.registry import DEMONSTRATIONS, ON_OWN_MACHINES
from services.runs.asking.absences import Absences
from services.runs.asking.first_tokens import FirstTokens
from services.runs.living.plan import Plan

INPUT_PER_OUTPUT = 3
"""A chat sends about three times as many tokens as it gets."""

UNPRICED = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the store may pick: the request's own choice, and the offers with their default.

    `likely` is the model that it will probably pick.
    """

    choice: ModelChoice
    offers: Offers
    likely: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """The rules where a request says nothing; `failover` None: to one model of each provider."""

    strategy: Strategy = Strategy.BALANCED
    failover: Sequence[ModelChoice] | None = None
    hedge_seconds: float = 3


class Router:
    """Chooses models by name and by strategy."""

    def __init__(
        self,
        offers: Offers,
        rules: RoutingRules,
        breakers: Breakers,
        first_tokens: FirstTokens,
        absences: Absences,
    ) -> None:
        """Take the models that may be asked, and what is known of their failures and speed."""
        self._offers = offers
        self._rules = rules
        self._breakers = breakers
        self._first_tokens = first_tokens
        self._absences = absences
        self._with_default: dict[tuple[str, str], Offers] = {}

    def choose(self, choice: ModelChoice, strategy: Strategy | None, tokens: int = 0) -> Choice:
        """Resolve what a request asks for, or raise ModelNotAvailable.

        A strategy is a choice of the request, so it wins over the session's model; a named model
        answers whatever the strategy is. The default strategy only changes the default model. A
        model without room for `tokens`, answer included, is chosen only where no model has it.
        """
        picked = self._offers.pick(choice)
        if choice.model is not None:
            return Choice(choice, self._offers, picked)
        if choice and strategy is None:
            best = self._if_there(picked)
            named = choice if best is picked else ModelChoice(best.provider, best.name)
            return Choice(named, self._offers, best)
        ranked = self._ranked(strategy or self._rules.strategy, choice.provider)
        roomy = [model for model in ranked if model.window >= tokens]
        best = next(iter(roomy or ranked), picked)
        if strategy is not None:
            return Choice(ModelChoice(best.provider, best.name), self._offers, best)
        return Choice(choice, self._offers_with(best), best)

    def _ranked(self, strategy: Strategy, provider: str | None = None) -> list[Model]:
        models = [m for m in self._askable() if provider in (None, m.provider)]
        match strategy:
            case Strategy.CHEAP:
                return sorted(models, key=_price)
            case Strategy.FAST:
                return sorted(self._seen_or_small(models), key=self._slowness)
            case Strategy.QUALITY:
                large = self._one_each(models, Tier.LARGE)
                return sorted(large, key=lambda model: model.tier is not Tier.LARGE)
            case Strategy.BALANCED | Strategy.HEDGED:
                default = self._offers.default
                if provider not in (None, default.provider):
                    return self._one_each(models, Tier.SMALL)
                others = [m for m in models if m.provider != default.provider]
                return [self._if_there(default), *self._one_each(others, Tier.SMALL)]

    def _askable(self) -> list[Model]:
        """List the named models that are there; the default may be one that no provider lists."""
        models = [m for m in self._offers.models if m.name != ANY_MODEL]
        default = self._offers.default
        every = models if any(map(default.is_same, models)) else [default, *models]
        is_absent = self._absences.is_absent
        return [m for m in every if m.provider not in DEMONSTRATIONS and not is_absent(m)]

    def _if_there(self, model: Model) -> Model:
        """Give a model, or another one of its provider if it is absent and there is another."""
        if not self._absences.is_absent(model):
            return model
        return next(iter(self._peers(model)), model)

    def _peers(self, model: Model) -> list[Model]:
        """List the other models of a provider, those of the same tier first."""
        others = [m for m in self._askable() if m.provider == model.provider]
        others.sort(key=lambda other: other.tier is not model.tier)
        return [m for m in others if not m.is_same(model)]

    def _one_each(self, models: Sequence[Model], tier: Tier) -> list[Model]:
        """Give each provider's first model of a tier, else its first; the default's comes first."""
        first = self._offers.default.provider
        chosen: dict[str, Model] = {}
        for model in sorted(models, key=lambda model: model.provider != first):
            held = chosen.get(model.provider)
            if held is None or (held.tier is not tier and model.tier is tier):
                chosen[model.provider] = model
        return list(chosen.values())

    def _seen_or_small(self, models: Sequence[Model]) -> list[Model]:
        small = self._one_each(models, Tier.SMALL)
        return [m for m in models if m in small or self._first_tokens.median(m) is not None]

    def _slowness(self, model: Model) -> tuple[bool, float]:
        """Sort a model without recent times first, so that it is tried; a failing one last."""
        is_open = self._breakers.state(model.provider, model.name) is BreakerState.OPEN
        return is_open, self._first_tokens.median(model) or 0.0

    def _offers_with(self, default: Model) -> Offers:
        """Give the offers with another default: each time the same object, which can be cached."""
        if default == self._offers.default:
            return self._offers
        key = (default.provider, default.name)
        if key not in self._with_default:
            self._with_default[key] = replace(self._offers, default=default)
        return self._with_default[key]

    def plan(
        self, request: ProviderRequest, strategy: Strategy | None, *, is_named: bool = False
    ) -> Plan:
        """List the requests to make: to the model picked first, each with what fits its window.

        A model that cannot take the message or its images is left out. A model that was named is
        not hedged just because hedging is the default.
        """
        wanted = strategy or (Strategy.BALANCED if is_named else self._rules.strategy)
        fallbacks = [fitted(request, model) for model in self._fallbacks(request.model, wanted)]
        requests = [_bounded(request, request.model), *(one for one in fallbacks if one)]
        hedge = None
        if wanted is Strategy.HEDGED and len(requests) > 1:
            hedge = self._first_tokens.p95(request.model) or self._rules.hedge_seconds
        return Plan(tuple(requests), hedge, is_named)

    def _fallbacks(self, first: Model, strategy: Strategy) -> list[Model]:
        if first.provider in DEMONSTRATIONS:
            return []
        if self._rules.failover is not None:
            named = [self._named(one, first.tier) for one in self._rules.failover]
            chain = [m for m in named if m is not None and not self._absences.is_absent(m)]
        elif strategy in (Strategy.FAST, Strategy.CHEAP):
            chain = _of_others(self._ranked(strategy), first)
        else:
            tier = Tier.LARGE if strategy is Strategy.QUALITY else first.tier
            chain = _of_others(self._one_each(self._askable(), tier), first)
        kept = [first]
        for model in chain:
            if not any(map(model.is_same, kept)):
                kept.append(model)
        return kept[1:]

    def instead_of(self, request: ProviderRequest) -> list[ProviderRequest]:
        """List the requests to make to other models of a provider that does not know this one.

        Where a chain is configured, only for a provider that it names without a model.
        """
        provider, chain = request.model.provider, self._rules.failover
        if chain is not None and ModelChoice(provider) not in chain:
            return []
        fits = (fitted(request, model) for model in self._peers(request.model))
        return [one for one in fits if one is not None]

    def _named(self, choice: ModelChoice, tier: Tier) -> Model | None:
        """Resolve an entry of the configured chain; a provider alone: its model of this tier."""
        if choice.model is not None:
            return self._offers.pick(choice)
        models = [m for m in self._askable() if m.provider == choice.provider]
        return next(iter(self._one_each(models, tier)), None)


def fitted(request: ProviderRequest, model: Model) -> ProviderRequest | None:
    """Make the same request to another model; None: that model cannot take it."""
    if not model.sees and any(message.images for message in request.messages):
        return None
    bounded = _bounded(request, model)
    *history, message = bounded.messages
    try:
        messages = fit_context(history, message, bounded.system_prompt, model, bounded.max_tokens)
    except ContextTooLong:
        return None
    return replace(bounded, messages=messages)


def _bounded(request: ProviderRequest, model: Model) -> ProviderRequest:
    return replace(
        request,
        model=model,
        temperature=min(request.temperature, model.max_temperature),
        max_tokens=min(request.max_tokens, model.max_output),
    )


def _of_others(ranked: Sequence[Model], first: Model) -> list[Model]:
    """Give the first model of each other provider: when one is down, all its models are."""
    chosen: dict[str, Model] = {}
    for model in ranked:
        if model.provider != first.provider:
            chosen.setdefault(model.provider, model)
    return list(chosen.values())


def _price(model: Model) -> tuple[bool, Decimal]:
    if model.provider in ON_OWN_MACHINES:
        return False, Decimal(0)
    if model.price is None:
        return True, UNPRICED
    return False, INPUT_PER_OUTPUT * model.price.input + model.price.output
