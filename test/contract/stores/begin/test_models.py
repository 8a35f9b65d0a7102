"""Which model a begun turn asks, and what must fit into its window."""

from dataclasses import replace

import pytest
from subjects.begun_turns import nothing_was_written
from worlds.stores import LARGE, OFFERS, SMALL, new_session, turn_in

from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers
from services.domain.errors.requests import ContextTooLong, ModelNotAvailable
from services.domain.sessions import Session
from services.stores.base.store import Store


@pytest.mark.parametrize(
    ("of_request", "of_session", "picked"),
    [
        (ModelChoice(), ModelChoice(), LARGE),
        (ModelChoice(), ModelChoice("scripted", "small"), SMALL),
        (ModelChoice("scripted", "large"), ModelChoice("scripted", "small"), LARGE),
        (ModelChoice(None, "small"), ModelChoice(), SMALL),
    ],
)
def test_the_model_is_the_requests_else_the_sessions_else_the_default(
    store: Store, user_id: str, of_request: ModelChoice, of_session: ModelChoice, picked: Model
) -> None:
    session = store.sessions.create(new_session(user_id, choice=of_session))

    begun = store.runs.begin_turn(turn_in(session, choice=of_request))

    assert begun.model == picked
    assert (begun.run.provider, begun.run.model) == (picked.provider, picked.name)


def test_a_model_that_is_not_offered_is_refused(store: Store, session: Session) -> None:
    turn = turn_in(session, choice=ModelChoice("scripted", "unknown"))

    with pytest.raises(ModelNotAvailable):
        store.runs.begin_turn(turn)

    assert nothing_was_written(store, session, turn)


def test_a_provider_with_its_own_address_gets_any_name(store: Store, session: Session) -> None:
    anything = replace(LARGE, provider="local", name=ANY_MODEL)
    offers = Offers([*OFFERS.models, anything], LARGE, "local")

    begun = store.runs.begin_turn(
        turn_in(session, offers=offers, choice=ModelChoice(None, "llama:8b"))
    )

    assert (begun.run.provider, begun.run.model) == ("local", "llama:8b")


def test_the_answers_tokens_are_cut_to_what_the_model_gives(store: Store, session: Session) -> None:
    begun = store.runs.begin_turn(turn_in(session, choice=ModelChoice(None, "small")))

    assert begun.max_tokens == SMALL.max_output


def test_a_message_that_does_not_fit_is_refused_before_anything_is_written(
    store: Store, session: Session
) -> None:
    turn = turn_in(session, choice=ModelChoice(None, "small"), token_estimate=5000)

    with pytest.raises(ContextTooLong):
        store.runs.begin_turn(turn)

    assert nothing_was_written(store, session, turn)
