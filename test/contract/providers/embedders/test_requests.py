"""What an embedder sends upstream, and how the vectors find their texts."""

import pytest
from subjects.embedders import TEXTS, Subjects, over_the_wire
from wires.calls import KEY
from wires.embeddings_wire import DIMENSIONS
from wires.fixtures import WireServer


@over_the_wire
def test_one_call_carries_all_texts_and_the_key(
    subjects: Subjects, name: str, wire: WireServer
) -> None:
    embedder = subjects.make(name)
    before = wire.seen()["count"]

    embedder.embed(TEXTS)

    seen = wire.seen()
    assert seen["count"] == before + 1
    sent = seen["last"]
    texts = sent.get("input") or [
        part["text"] for one in sent["requests"] for part in one["content"]["parts"]
    ]
    assert texts == list(TEXTS)
    assert any(KEY in value for value in seen["headers"].values())


@pytest.mark.parametrize(("name", "length"), [("openai", DIMENSIONS), ("local", None)])
def test_only_openai_is_told_how_long_vectors_shall_be(
    subjects: Subjects, name: str, length: int | None, wire: WireServer
) -> None:
    subjects.make(name).embed(TEXTS)

    assert wire.seen()["last"].get("dimensions") == length


def test_each_text_is_a_content_of_its_own_to_gemini(subjects: Subjects, wire: WireServer) -> None:
    # For models of this name the SDK takes several texts for the parts of a single one.
    subjects.make("gemini", "gemini-embedding-2").embed(TEXTS)

    requests = wire.seen()["last"]["requests"]
    assert [len(one["content"]["parts"]) for one in requests] == [1] * len(TEXTS)
    assert {one["outputDimensionality"] for one in requests} == {DIMENSIONS}


def test_vectors_in_another_order_find_their_texts(subjects: Subjects) -> None:
    expected = subjects.make("openai").embed(TEXTS).vectors

    assert subjects.make("openai", "reversed").embed(TEXTS).vectors == expected
