"""Which models several endpoints offer together, and which endpoint is asked for each."""

from dataclasses import replace

import pytest
import structlog
from subjects.spread import GOOD, Spread, fails
from wires.calls import collect, request_to
from worlds.played import PlayedProvider
from worlds.stores import LARGE, SMALL

from services.domain.catalog import ANY_MODEL, Model
from services.domain.errors.upstream import ProviderError
from services.providers.spread import SpreadProvider


def model(name: str) -> Model:
    return replace(SMALL, name=name)


def test_a_model_is_asked_of_a_server_that_lists_it_or_may_know_it() -> None:
    spread = Spread([GOOD], [GOOD], [GOOD])
    first, second, unknown = spread.played
    first.models = (model("a"), model(ANY_MODEL))
    second.models = (model("b"), model(ANY_MODEL))
    unknown.models = (model(ANY_MODEL),)
    for _ in range(4):
        collect(spread.provider.stream(request_to(spread.provider, model="b")))

    assert spread.asked == [0, 2, 2]


def test_a_model_that_no_server_lists_is_asked_of_any() -> None:
    spread = Spread([GOOD], [GOOD])

    for _ in range(4):
        collect(spread.provider.stream(request_to(spread.provider, model="new")))

    assert spread.asked == [2, 2]


def test_the_models_of_all_are_offered_once_and_any_model_last() -> None:
    spread = Spread([GOOD], [GOOD])
    spread.played[0].models = (LARGE, model(ANY_MODEL))
    spread.played[1].models = (SMALL, LARGE, model(ANY_MODEL))

    offered = spread.provider.discover()

    assert [each.name for each in offered] == [LARGE.name, SMALL.name, ANY_MODEL]
    assert spread.provider.models == offered


class Silent(PlayedProvider):
    """An endpoint that lists nothing."""

    def __init__(self, error: ProviderError) -> None:
        """Fail so."""
        super().__init__(GOOD)
        self.error = error
        self.journal = []

    def list_models(self) -> list[str]:
        """Fail."""
        raise self.error

    def warm_up(self) -> None:
        """Note it."""
        self.journal.append("warm")

    def close(self) -> None:
        """Note it."""
        self.journal.append("closed")


def test_a_list_is_what_those_tell_that_answer() -> None:
    spread = SpreadProvider([Silent(fails()), PlayedProvider(GOOD), PlayedProvider(GOOD)])

    with structlog.testing.capture_logs() as lines:
        assert spread.list_models() == [LARGE.name, SMALL.name]
    assert [line["endpoint"] for line in lines] == [1]


def test_a_list_that_nobody_gives_is_the_first_ones_error() -> None:
    first = fails("upstream_unauthorized", may_retry=False)
    spread = SpreadProvider([Silent(first), Silent(fails())])

    with pytest.raises(ProviderError) as raised:
        spread.list_models()
    assert raised.value is first


def test_warming_up_and_closing_reach_every_endpoint() -> None:
    endpoints = [Silent(fails()), Silent(fails())]
    spread = SpreadProvider(endpoints)

    spread.warm_up()
    spread.close()

    assert [each.journal for each in endpoints] == [["warm", "closed"]] * 2
