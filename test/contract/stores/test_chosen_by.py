"""Who chose the model of a begun turn, on every store."""

import pytest
from worlds.stores import new_id, new_session, turn_in

from services.domain.catalog import ModelChoice
from services.domain.runs import ChosenBy
from services.domain.sessions import Session
from services.stores.base.store import Store

NOTHING, SMALL = ModelChoice(), ModelChoice(None, "small")
PROVIDER = ModelChoice("scripted")


def session_with(store: Store, choice: ModelChoice) -> Session:
    return store.sessions.create(new_session(new_id(), choice=choice))


@pytest.mark.parametrize(
    ("of_session", "of_request", "chosen_by"),
    [
        (NOTHING, NOTHING, ChosenBy.DEFAULT),
        (SMALL, NOTHING, ChosenBy.SESSION),
        (PROVIDER, NOTHING, ChosenBy.SESSION),
        (NOTHING, SMALL, ChosenBy.REQUEST),
        (SMALL, PROVIDER, ChosenBy.REQUEST),
    ],
)
def test_a_begun_turn_says_whose_choice_its_model_is(
    store: Store, of_session: ModelChoice, of_request: ModelChoice, chosen_by: ChosenBy
) -> None:
    session = session_with(store, of_session)

    begun = store.runs.begin_turn(turn_in(session, choice=of_request))

    assert begun.chosen_by is chosen_by
    assert begun.session_choice == of_session


def test_a_model_that_the_session_names_is_its_choice_also_where_the_default_is_the_same(
    store: Store,
) -> None:
    session = session_with(store, ModelChoice("scripted", "large"))

    begun = store.runs.begin_turn(turn_in(session))

    assert (begun.model.name, begun.chosen_by) == ("large", ChosenBy.SESSION)
    assert store.runs.begin_turn(turn_in(session, run_id=begun.run.id)).chosen_by is begun.chosen_by


def test_a_new_sessions_choice_is_the_sessions(store: Store) -> None:
    new = new_session(new_id(), choice=SMALL)

    begun = store.runs.begin_turn(turn_in(new, new_session=new))

    assert begun.chosen_by is ChosenBy.SESSION
