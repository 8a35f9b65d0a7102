"""The models that answer by default or that settings name, and which of them their vendors end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from services.bootstrap.offers import failover_chain
from services.domain.catalog import Model, Offers
from services.settings.whole import Settings

SOON_DAYS = 90
"""Anthropic gives notice of 60 days, and OpenAI gave 92 for gpt-4.1-mini."""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model and the variable that names it; `is_set` False: unset, it means this model."""

    variable: str
    model: Model
    is_set: bool = True


@dataclass(frozen=True, slots=True)
class Ending:
    """A model that answers here and that its vendor ends; `days` are left, 0: it has ended."""

    named: NamedModel
    ends: date
    days: int

    def __str__(self) -> str:
        """Tell what happens when, and how to mend it."""
        model, variable = self.named.model, self.named.variable
        who = f"{model.name} of {model.provider}"
        when = f"ends on {self.ends}" if self.days else f"has ended on {self.ends}"
        if self.named.is_set:
            return f"{variable}: {who} {when}. Name another model there."
        return f"{who}, which answers by default, {when}. Set {variable}."


def named_models(settings: Settings, offers: Offers) -> Iterator[NamedModel]:
    """Give the default, and each model that a setting names."""
    yield NamedModel("DEFAULT_MODEL", offers.default, settings.providers.default_model is not None)
    for choice in failover_chain(settings, offers) or ():
        if choice.model is not None:
            yield NamedModel("FAILOVER", offers.pick(choice))


def endings(settings: Settings, offers: Offers, day: date) -> Iterator[Ending]:
    """Tell which of these models have ended, or end soon."""
    for named in named_models(settings, offers):
        ends = named.model.ends
        if ends is not None and (days := (ends - day).days) <= SOON_DAYS:
            yield Ending(named, ends, max(0, days))
