"""The search in titles and messages, on every store."""

import pytest
from worlds.stores import answer, later, new_id, new_session, turn_in

from services.domain.sessions import Session, SessionChanges, SessionFilter
from services.stores.base.store import Store


def found(store: Store, user_id: str, query: str) -> list[str | None]:
    """Search, and give the titles of what is found."""
    page = store.sessions.list(user_id, SessionFilter(limit=50, query=query))
    return [session.title for session in page.items]


@pytest.fixture
def talk(store: Store, user_id: str) -> Session:
    """Give a session titled `Holidays`, about a train to Zürich."""
    session = store.sessions.create(new_session(user_id, title="Holidays"))
    answer(store, session, "Take the night train, it's well-known.", content="How to Zürich?")
    return session


@pytest.mark.parametrize(
    "query",
    [
        "holidays",
        "LIDAY",
        "train",
        "tra",
        "zürich",
        "ZURICH",
        "night take",
        "well-known",
        "it's",
        '"night"',
        "Zürich?!",
    ],
)
def test_titles_by_a_part_and_messages_by_the_beginning_of_every_word(
    store: Store, talk: Session, query: str
) -> None:
    assert found(store, talk.user_id, query) == ["Holidays"]


@pytest.mark.parametrize("query", ["plane", "night plane", "rain", "holidays train"])
def test_a_title_or_a_message_must_hold_all_words(store: Store, talk: Session, query: str) -> None:
    assert found(store, talk.user_id, query) == []


@pytest.mark.parametrize("query", ["", " ", "-", '"', "'", "*", "()", '"" *', "^", ":", "🎉", "%_"])
def test_punctuation_alone_finds_nothing(store: Store, talk: Session, query: str) -> None:
    assert found(store, talk.user_id, query) == []


@pytest.mark.parametrize(
    "query",
    [
        "AND",
        "night AND",
        "NOT train",
        "OR OR OR",
        "NEAR(night train)",
        "owner : x",
        "content:night",
        'night" OR "x',
        "night*train",
        "a\0b",
        "\ud800",
        "{night}",
        "' OR 1=1 --",
        "word " * 5000,
        " ".join(f"w{n}" for n in range(1000)),
    ],
)
def test_no_query_is_an_error(store: Store, talk: Session, query: str) -> None:
    assert len(found(store, talk.user_id, query)) <= 1


def test_operators_are_words(store: Store, user_id: str) -> None:
    session = store.sessions.create(new_session(user_id, title="Logic"))
    answer(store, session, content="not this and not that or near it")

    assert found(store, user_id, "NOT AND OR NEAR") == ["Logic"]


def test_what_others_wrote_is_never_found(store: Store, talk: Session) -> None:
    for query in ("train", "holidays"):
        assert found(store, talk.user_id, query) == ["Holidays"]
        assert found(store, new_id(), query) == []


def test_the_owners_id_is_no_word_of_the_messages(store: Store, talk: Session) -> None:
    assert found(store, talk.user_id, talk.user_id) == []


def test_an_answer_is_found_once_it_is_settled(store: Store, user_id: str) -> None:
    session = store.sessions.create(new_session(user_id, title="T"))
    store.runs.begin_turn(turn_in(session, content="question"))

    assert found(store, user_id, "question") == ["T"]
    assert found(store, user_id, "answer") == []


def test_a_deleted_session_is_found_no_more_and_the_others_still_are(
    store: Store, talk: Session
) -> None:
    other = store.sessions.create(new_session(talk.user_id, title="Other"))
    answer(store, other, "A train again")

    store.sessions.delete(talk.user_id, talk.id)

    assert found(store, talk.user_id, "train") == ["Other"]


def test_a_new_title_is_found_and_the_old_one_is_not(store: Store, talk: Session) -> None:
    changes = SessionChanges(given=frozenset({"title"}), title="Été")
    store.sessions.change(talk.user_id, talk.id, changes, later(1))

    assert found(store, talk.user_id, "ete") == ["Été"]
    assert found(store, talk.user_id, "holidays") == []


def test_a_title_made_of_the_first_message_is_searched_too(store: Store, session: Session) -> None:
    answer(store, session, content="Überraschung")

    assert found(store, session.user_id, "rasch") == ["Überraschung"]


def test_a_search_is_paged_in_the_lists_order(store: Store, user_id: str) -> None:
    for n in range(5):
        session = store.sessions.create(new_session(user_id, title=f"{n}"))
        answer(store, session, "common word", created_at=later(n))
    titles, cursor = [], None
    for _ in range(3):
        wanted = SessionFilter(limit=2, query="common", cursor=cursor)
        page = store.sessions.list(user_id, wanted)
        titles += [one.title for one in page.items]
        cursor = page.next_cursor

    assert titles == ["4", "3", "2", "1", "0"]
    assert cursor is None
