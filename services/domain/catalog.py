"""Which models may be asked, and the choice among them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from services.domain.costs import Price
from services.domain.errors.requests import InvalidRequest, ModelNotAvailable

ANY_MODEL = "*"

MOST_THINKING = 4
"""The part of a window that thinking may take, at most: a fourth."""


def today() -> date:
    """Give the day by which models end: that of UTC."""
    return datetime.now(UTC).date()


class Tier(StrEnum):
    """The size of a model: small models answer by default, large ones where quality counts."""

    SMALL = "small"
    LARGE = "large"


class Strategy(StrEnum):
    """What a model is chosen for, where a request states a wish instead of a name."""

    FAST = "fast"
    CHEAP = "cheap"
    QUALITY = "quality"
    BALANCED = "balanced"
    HEDGED = "hedged"


class Effort(StrEnum):
    """How much a model that reasons may think before it answers."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of a provider: its name upstream, its limits in tokens, and what it can do.

    `sees`: the model takes images. `price` None: the price is not known. `ends`: the day on which
    its vendor switches it off; None: no such day is known. `window` is for messages and answer;
    `thinking` is what the model may use beside the answer before it is written, and is not in the
    window.
    """

    provider: str
    name: str
    window: int
    max_output: int
    price: Price | None = None
    tier: Tier = Tier.SMALL
    takes_temperature: bool = True
    max_temperature: float = 2.0
    reasons: bool = False
    sees: bool = False
    thinking: int = 0
    ends: date | None = None

    def has_ended(self, day: date) -> bool:
        """Tell whether its vendor has switched it off, as far as that is known."""
        return self.ends is not None and self.ends <= day

    def is_same(self, other: "Model") -> bool:
        """Tell whether both have the same name at the same provider."""
        return (self.provider, self.name) == (other.provider, other.name)

    def with_thinking(self, tokens: int) -> "Model":
        """Give the same model with room for thinking, out of its window, if it thinks at all."""
        thinking = min(tokens, self.window // MOST_THINKING) if self.reasons else 0
        return replace(self, thinking=thinking, window=self.window - thinking)

    def check(self, *, temperature: float | None, max_tokens: int | None) -> None:
        """Raise InvalidRequest where a request asks for more than this model does."""
        errors = {}
        if (
            temperature is not None
            and self.takes_temperature
            and temperature > self.max_temperature
        ):
            errors["temperature"] = [f"{self.name} takes up to {self.max_temperature:g}."]
        if max_tokens is not None and max_tokens > self.max_output:
            errors["max_tokens"] = [f"{self.name} answers with {self.max_output} at most."]
        if errors:
            raise InvalidRequest(
                " ".join(text for texts in errors.values() for text in texts), errors
            )


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The provider and the model that were asked for; either may be missing."""

    provider: str | None = None
    model: str | None = None

    def __bool__(self) -> bool:
        """Tell whether anything was asked for."""
        return bool(self.provider or self.model)


@dataclass(frozen=True, slots=True)
class Offers:
    """The models of the configured providers, in order of preference.

    A model named `ANY_MODEL` stands for a provider with a base URL of its own, whose model names
    this server does not check. `default` is the model that answers where none was asked for.
    Providers that are `untold` answer where they are named, and stand in no list.
    """

    models: Sequence[Model]
    default: Model
    default_provider: str
    untold: frozenset[str] = frozenset()

    @property
    def told(self) -> Sequence[Model]:
        """List the models that people are told of."""
        return [model for model in self.models if model.provider not in self.untold]

    def pick(self, choice: ModelChoice) -> Model:
        """Find the model for a choice, or raise ModelNotAvailable, which names the wrong field."""
        providers = {model.provider for model in self.models}
        if choice.provider is not None and choice.provider not in providers:
            known = ", ".join(sorted(providers - self.untold))
            text = f"{choice.provider!r} is not configured here. Known: {known}."
            raise ModelNotAvailable(text, {"provider": [text]})
        if choice.model is None:
            return self._of_provider(choice.provider)
        for model in self.models:
            is_named = model.name == choice.model and model.name != ANY_MODEL
            if is_named and choice.provider in (None, model.provider):
                return model
        wanted = choice.provider or self.default_provider
        for model in self.models:
            if model.name == ANY_MODEL != choice.model and model.provider == wanted:
                return replace(model, name=choice.model)
        raise self._unknown(choice)

    def _unknown(self, choice: ModelChoice) -> ModelNotAvailable:
        who = choice.provider or "this server"
        known = [
            model.name
            for model in (self.told if choice.provider is None else self.models)
            if model.name != ANY_MODEL and choice.provider in (None, model.provider)
        ]
        text = f"{who} does not offer {choice.model!r}. Known: {', '.join(dict.fromkeys(known))}."
        return ModelNotAvailable(text, {"model": [text]})

    def knows(self, model: Model) -> bool:
        """Tell whether a model's own limits are known, not just those that stand for any name."""
        return model in self.models

    def _of_provider(self, provider: str | None) -> Model:
        if provider in (None, self.default.provider):
            return self.default
        for model in self.models:
            if model.provider == provider and model.name != ANY_MODEL:
                return model
        text = f"The models of {provider!r} are not known here: name one."
        raise ModelNotAvailable(text, {"model": [text]})
