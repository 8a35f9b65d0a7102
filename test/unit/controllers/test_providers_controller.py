"""What the controller tells of providers: which there are, their state, and their lists."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from worlds.played import PlayedProvider
from worlds.stores import LARGE, SMALL

from controllers.providers import Protection, ProvidersController, ProviderState
from services.admission.breakers.base import BreakerRules, BreakerState
from services.admission.breakers.local import LocalBreakers
from services.admission.quotas.base import Quota
from services.admission.quotas.local import LocalQuotas
from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers, Strategy
from services.domain.costs import UsageSource, estimate_tokens
from services.domain.errors.codes import FailureCode
from services.domain.errors.requests import ModelNotAvailable, NotFound
from services.domain.errors.upstream import ProviderError
from services.providers.registry import VENDORS

FIRST, SECOND = replace(LARGE, provider="openai"), replace(SMALL, provider="openai")
SCRIPT = replace(SMALL, name="scripted-1")
ANY_LOCAL = replace(SMALL, provider="local", name=ANY_MODEL)


class Lister(PlayedProvider):
    """A provider whose own list has these names, or that gives no list."""

    def __init__(self, *names: str) -> None:
        """No names: it gives no list."""
        super().__init__()
        self._names = names

    def list_models(self) -> Sequence[str]:
        """Give the list, or fail."""
        if not self._names:
            raise ProviderError("It does not say.", code=FailureCode.UNREACHABLE)
        return self._names


class Desk:
    """A controller, and what it looks at."""

    def __init__(
        self,
        models: Sequence[Model] = (FIRST, SECOND, SCRIPT),
        lists: Mapping[str, Sequence[str]] | None = None,
        quotas: Mapping[str, Quota] | None = None,
        open_seconds: float = 60,
    ) -> None:
        """Offer these models, the first by default."""
        names = dict.fromkeys(model.provider for model in models)
        told = lists or {}
        self.breakers = LocalBreakers(BreakerRules(failures=1, open_seconds=open_seconds))
        self.quotas = LocalQuotas(quotas or {}, 60)
        self.controller = ProvidersController(
            Offers(models, models[0], models[0].provider),
            {name: Lister(*told.get(name, ())) for name in names},
            Protection(
                breakers=self.breakers,
                quotas=self.quotas,
                waiting=lambda provider: 7 if provider == "openai" else 0,
            ),
            Strategy.CHEAP,
            lambda: models[0],
        )

    def provider(self, name: str) -> ProviderState:
        """Look at one provider."""
        return next(one for one in self.controller.state().providers if one.name == name)

    def listed(self, provider: str) -> list[tuple[str, bool | None]]:
        """Look at the models of one."""
        return [(one.model.name, one.listed) for one in self.controller.models(provider)]

    def fail(self, model: Model) -> None:
        """Open the breaker of a model."""
        self.breakers.admit(model.provider, model.name)
        self.breakers.failed(model.provider, model.name)


@pytest.fixture
def desk() -> Desk:
    """Give a controller with two providers."""
    return Desk()


def test_all_providers_are_listed_in_order_of_preference(desk: Desk) -> None:
    state = desk.controller.state()

    assert [one.name for one in state.providers] == list(VENDORS)
    assert state.default == ModelChoice("openai", "large")
    assert [one.name for one in state.providers if one.default] == ["openai"]
    assert state.strategies == list(Strategy)
    assert state.default_strategy is Strategy.CHEAP


def test_what_is_not_configured_offers_nothing(desk: Desk) -> None:
    gemini = desk.provider("gemini")

    assert gemini == ProviderState(
        name="gemini",
        configured=False,
        default=False,
        any_model=False,
        healthy=False,
        models=[],
        limits=None,
        waiting=0,
    )


def test_a_provider_is_healthy_until_the_breaker_of_its_default_opens(desk: Desk) -> None:
    desk.fail(SECOND)
    assert desk.provider("openai").healthy is True

    desk.fail(FIRST)

    openai = desk.provider("openai")
    assert openai.healthy is False
    assert [one.breaker for one in openai.models] == [BreakerState.OPEN] * 2
    assert desk.provider("scripted").healthy is True


def test_a_provider_that_is_due_for_a_probe_would_be_asked() -> None:
    desk = Desk(open_seconds=0)

    desk.fail(FIRST)

    openai = desk.provider("openai")
    assert openai.models[0].breaker is BreakerState.HALF_OPEN
    assert openai.healthy is True


def test_the_default_of_the_server_counts_even_where_no_list_has_it() -> None:
    chosen = replace(ANY_LOCAL, name="llama")
    offers = Offers([ANY_LOCAL], chosen, "local")
    desk = Desk([ANY_LOCAL])
    protection = Protection(breakers=desk.breakers, quotas=desk.quotas, waiting=lambda _: 0)
    controller = ProvidersController(offers, {}, protection, Strategy.BALANCED, lambda: chosen)

    desk.fail(chosen)

    state = next(one for one in controller.state().providers if one.name == "local")
    assert (state.configured, state.any_model, state.models, state.healthy) == (
        True,
        True,
        [],
        False,
    )


def test_a_provider_whose_models_nobody_knows_would_be_asked() -> None:
    desk = Desk([SCRIPT, ANY_LOCAL])

    assert desk.provider("local").healthy is True


def test_what_is_left_of_the_limits_is_told() -> None:
    desk = Desk(quotas={"openai": Quota(requests=10), "scripted": Quota()})
    desk.quotas.reserve("openai", 100)
    desk.quotas.reserve("openai", 100)

    limits = desk.provider("openai").limits

    assert limits is not None
    assert limits.requests is not None
    assert (limits.requests.limit, limits.requests.remaining) == (10, 8)
    assert limits.tokens is None
    assert limits.reset_seconds > 0
    assert desk.provider("openai").waiting == 7
    assert desk.provider("scripted").limits is None


def test_what_is_not_configured_has_no_limits() -> None:
    desk = Desk(quotas={"gemini": Quota(requests=10)})

    assert desk.provider("gemini").limits is None


def test_the_live_list_says_which_models_are_there() -> None:
    desk = Desk(lists={"openai": ["large", "whisper-1"]})

    assert desk.listed("openai") == [("large", True), ("small", False)]


def test_a_list_that_cannot_be_had_is_told_apart_from_one_without_the_model(desk: Desk) -> None:
    assert desk.listed("openai") == [("large", None), ("small", None)]


def test_where_any_name_is_taken_those_of_the_live_list_are_there_too() -> None:
    named = replace(SMALL, provider="local", name="llama")
    desk = Desk([named, ANY_LOCAL], lists={"local": ["phi", "llama", "phi"]})

    assert desk.listed("local") == [("llama", True), ("phi", True)]
    assert desk.controller.models("local")[1].model == replace(ANY_LOCAL, name="phi")


def test_where_any_name_is_taken_but_no_list_comes_only_the_known_ones_are_there() -> None:
    assert Desk([SCRIPT, ANY_LOCAL]).listed("local") == []


@pytest.mark.parametrize("name", ["nobody", "OpenAI", ""])
def test_the_models_of_nobody_are_not_found(desk: Desk, name: str) -> None:
    with pytest.raises(NotFound):
        desk.controller.models(name)


def test_the_models_of_one_that_is_not_configured_are_none(desk: Desk) -> None:
    assert desk.listed("gemini") == []


@pytest.mark.parametrize(
    ("choice", "model"),
    [
        (ModelChoice(), FIRST),
        (ModelChoice(model="small", provider="openai"), SECOND),
        (ModelChoice("scripted"), SCRIPT),
    ],
)
def test_a_text_is_counted_by_the_provider_of_the_model(
    desk: Desk, choice: ModelChoice, model: Model
) -> None:
    counted = desk.controller.count_tokens(choice, "Hello there", None)

    assert (counted.tokens, counted.model) == (estimate_tokens("Hello there"), model)
    assert counted.source is UsageSource.ESTIMATED


def test_the_system_prompt_is_counted_too(desk: Desk) -> None:
    def count(prompt: str | None) -> int:
        return desk.controller.count_tokens(ModelChoice(), "Hello there", prompt).tokens

    assert count("Be brief.") == count(None) + estimate_tokens("Be brief.")


@pytest.mark.parametrize("choice", [ModelChoice(model="nobody-has-it"), ModelChoice("gemini")])
def test_a_text_is_not_counted_for_what_cannot_be_asked(desk: Desk, choice: ModelChoice) -> None:
    with pytest.raises(ModelNotAvailable):
        desk.controller.count_tokens(choice, "Hello", None)
