"""What every embedder promises about its vectors, and which texts it takes."""

import math

import pytest
from subjects.embedders import MAX_TOKENS, NOBODY, TEXTS, Subjects, every, over_the_wire, refusal_of
from wires.embeddings_wire import DIMENSIONS, REPORTED_TOKENS

from services.domain.costs import Usage, UsageSource


@every
def test_each_text_gets_a_vector_of_the_told_size_and_of_length_one(
    subjects: Subjects, name: str
) -> None:
    embedder = subjects.make(name)

    vectors = embedder.embed(TEXTS).vectors

    assert len(vectors) == len(TEXTS)
    assert {len(vector) for vector in vectors} == {embedder.dimensions} == {DIMENSIONS}
    for vector in vectors:
        assert math.hypot(*vector) == pytest.approx(1)


@every
def test_the_vectors_are_in_the_order_of_the_texts(subjects: Subjects, name: str) -> None:
    embedder = subjects.make(name)
    one_by_one = [embedder.embed([text]).vectors[0] for text in TEXTS]

    assert embedder.embed(TEXTS).vectors == one_by_one
    assert embedder.embed(TEXTS[::-1]).vectors == one_by_one[::-1]
    assert len({tuple(vector) for vector in one_by_one}) == len(TEXTS)


@every
def test_the_same_text_twice_has_the_same_vector_twice(subjects: Subjects, name: str) -> None:
    first, second = subjects.make(name).embed(["Hello", "Hello"]).vectors

    assert first == second


@every
def test_no_texts_are_no_vectors_and_no_usage(subjects: Subjects, name: str) -> None:
    made = subjects.make(name, url=NOBODY).embed([])

    assert (made.vectors, made.usage) == ([], Usage())


@every
@pytest.mark.parametrize("blank", ["", " ", "\n\t\u00a0\u3000"])
def test_a_blank_text_is_refused_by_its_number(subjects: Subjects, name: str, blank: str) -> None:
    embedder = subjects.make(name, url=NOBODY)

    assert "Text 2 " in refusal_of(embedder, ["fine", blank, "fine"])


@every
def test_a_text_that_is_too_long_is_refused_by_its_number(subjects: Subjects, name: str) -> None:
    embedder = subjects.make(name, url=NOBODY)

    detail = refusal_of(embedder, ["fine", "fine", "word " * 10 * MAX_TOKENS])

    assert "Text 3 " in detail
    assert str(MAX_TOKENS) in detail


@every
def test_more_texts_than_a_call_takes_are_refused(subjects: Subjects, name: str) -> None:
    embedder = subjects.make(name, url=NOBODY)

    detail = refusal_of(embedder, ["fine"] * (embedder.max_batch + 1))

    assert str(embedder.max_batch) in detail


@every
def test_as_many_texts_as_a_call_takes_are_taken(subjects: Subjects, name: str) -> None:
    embedder = subjects.make(name)

    texts = [f"text {number}" for number in range(embedder.max_batch)]

    assert len(embedder.embed(texts).vectors) == embedder.max_batch


@every
def test_the_usage_says_who_counted(subjects: Subjects, name: str) -> None:
    embedder = subjects.make(name)

    usage = embedder.embed(TEXTS).usage

    reported = {"embedded": None, "aimock": 0}.get(name, REPORTED_TOKENS)
    if reported is None:
        counted = sum(embedder.count_tokens(text) for text in TEXTS)
        assert usage == Usage(input_tokens=counted, source=UsageSource.ESTIMATED)
    else:
        assert usage == Usage(input_tokens=reported, source=UsageSource.PROVIDER)


@every
def test_it_can_be_closed_and_used_again(subjects: Subjects, name: str) -> None:
    embedder = subjects.make(name)
    embedder.warm_up()
    embedder.close()
    embedder.close()

    assert len(embedder.embed(["Hello"]).vectors) == 1


@over_the_wire
@pytest.mark.parametrize("model", ["no-usage", "no-usage-negative", "no-usage-enormous"])
def test_a_usage_that_nobody_reports_is_estimated(
    subjects: Subjects, name: str, model: str
) -> None:
    embedder = subjects.make(name, model)

    usage = embedder.embed(["Hello there"]).usage

    counted = embedder.count_tokens("Hello there")
    assert usage == Usage(input_tokens=counted, source=UsageSource.ESTIMATED)
