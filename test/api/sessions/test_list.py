"""The list of sessions: its order, its pages, its search."""

from api.calls import ApiUser, refused, walked


def titles(ann: ApiUser, query: str = "") -> list[str]:
    return [session["title"] for session in ann.json(f"/sessions?{query}")["items"]]


def test_the_newest_change_comes_first(ann: ApiUser) -> None:
    first, second, third = (ann.new_session(title=title) for title in "abc")

    ann.patch(f"/sessions/{first}", {"metadata": {"x": 1}})
    ann.ask(second)

    listed = ann.json("/sessions")
    assert [session["id"] for session in listed["items"]] == [second, first, third]
    assert listed["next_cursor"] is None


def test_a_session_looks_the_same_in_the_list_and_alone(ann: ApiUser) -> None:
    session = ann.new_session(title="a", metadata={"x": 1})

    assert ann.json("/sessions")["items"] == [ann.json(f"/sessions/{session}")]


def test_pages_hold_every_session_exactly_once(ann: ApiUser) -> None:
    made = [ann.new_session() for _ in range(5)]

    by_one, by_two = walked(ann, "/sessions", 1), walked(ann, "/sessions", 2)

    assert [len(page) for page in by_one] == [1] * 5
    assert [len(page) for page in by_two] == [2, 2, 1]
    for pages in (by_one, by_two):
        assert [item["id"] for page in pages for item in page] == made[::-1]


def test_a_page_holds_fifty_unless_asked_otherwise(ann: ApiUser) -> None:
    for _ in range(51):
        ann.new_session()

    assert len(ann.json("/sessions")["items"]) == 50
    assert len(ann.json("/sessions?limit=100")["items"]) == 51


def test_the_link_keeps_what_else_was_asked_for(ann: ApiUser) -> None:
    for _ in range(2):
        archived = ann.new_session(title="Käse & Brot")
        ann.patch(f"/sessions/{archived}", {"archived": True})
        ann.new_session(title="Käse & Brot")

    pages = walked(ann, "/sessions?archived=true&q=K%C3%A4se+%26", 1)

    assert [len(page) for page in pages] == [1, 1]
    assert all(item["archived"] for page in pages for item in page)


def test_archived_sessions_are_a_list_of_their_own(ann: ApiUser) -> None:
    kept, archived = ann.new_session(title="kept"), ann.new_session(title="archived")
    ann.patch(f"/sessions/{archived}", {"archived": True})

    assert titles(ann) == titles(ann, "archived=false") == ["kept"]
    assert titles(ann, "archived=true") == ["archived"]

    ann.patch(f"/sessions/{archived}", {"archived": False})
    ann.patch(f"/sessions/{kept}", {"archived": True})
    assert titles(ann) == ["archived"]


def test_a_search_finds_words_of_titles_and_of_messages(ann: ApiUser) -> None:
    ann.new_session(title="Holiday in Ελλάδα")
    talked = ann.new_session(title="Other")
    ann.ask(talked, "a CAFÉ by the sea")

    assert titles(ann, "q=holiday") == ["Holiday in Ελλάδα"]
    assert titles(ann, "q=ελλαδα") == ["Holiday in Ελλάδα"]
    assert titles(ann, "q=cafe+sea") == ["Other"]
    assert titles(ann, "q=cafe+holiday") == []
    assert titles(ann, "q=%22") == []


def test_a_search_never_looks_into_what_is_somebody_elses(ann: ApiUser, bob: ApiUser) -> None:
    bob.ask(bob.new_session(title="secret plan"), "secret words")

    assert titles(ann, "q=secret") == []
    assert titles(bob, "q=secret") == ["secret plan"]


def test_a_cursor_that_this_list_did_not_make_is_refused(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session)
    of_messages = ann.json(f"/sessions/{session}/messages?limit=1")["next_cursor"]

    for cursor in ("x", "", "é", "A" * 5000, "bnVsbA", "WyJzZXNzaW9ucyJd", of_messages):
        problem = refused(ann.get(f"/sessions?cursor={cursor}"), 422, "invalid_cursor")
        assert set(problem["errors"]) == {"cursor"}


def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(ann: ApiUser, bob: ApiUser) -> None:
    mine = ann.new_session()
    for _ in range(2):
        bob.new_session()
    cursor = bob.json("/sessions?limit=1")["next_cursor"]

    listed = ann.json(f"/sessions?cursor={cursor}")["items"]

    assert [session["id"] for session in listed] == [mine]


def test_a_query_that_breaks_a_rule_names_the_field(ann: ApiUser) -> None:
    wrong = {
        "limit": [
            "0",
            "101",
            "-1",
            "1.5",
            "x",
            "",
            "1e1",
            "9" * 30,
            "1_0",
            "%2B5",
            "%205",
            "%D9%A3",
        ],
        "archived": ["maybe", ""],
        "q": ["", "x" * 201, "%00"],
        "cursor": ["%00"],
        "unknown": ["1"],
    }

    for name, values in wrong.items():
        for value in values:
            problem = refused(ann.get(f"/sessions?{name}={value}"), 422, "invalid_request")
            assert set(problem["errors"]) == {name}, value
