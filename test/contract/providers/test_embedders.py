"""What every embedder promises, held against the embedded one and servers of both protocols."""

import math
from collections.abc import Iterator, Sequence

import pytest
from wires.calls import KEY, QUICK
from wires.embeddings_wire import DIMENSIONS, REPORTED_TOKENS
from wires.fixtures import WireServer

from services.domain.costs import Usage, UsageSource
from services.domain.errors.requests import InvalidRequest
from services.domain.errors.upstream import ProviderError
from services.providers.config import ProviderConfig
from services.providers.embedding.base import Embedder
from services.providers.embedding.model import EmbeddingModel
from services.providers.embedding.registry import EMBEDDINGS, build

TEXTS = ("Grüße aus 你好", "and 👋🏽 again", "x", "def f(x):\n\treturn x\r\n")
MAX_TOKENS = 50
NOBODY = "http://127.0.0.1:9/v1"

KINDS = ("embedded", "openai", "local", "gemini", "aimock")
WIRE = ("openai", "local", "gemini")


class Subjects:
    """Builds embedders by the name of a case; the model says how the server behaves."""

    def __init__(self, wire: WireServer, aimock: str) -> None:
        """Know the servers."""
        self._urls = {
            "openai": wire.base_url,
            "local": wire.base_url,
            "gemini": wire.url,
            "aimock": aimock,
            "embedded": None,
        }
        self._made: list[Embedder] = []

    def make(self, name: str, model: str = "", url: str | None = None) -> Embedder:
        """Make one with small vectors, short texts and short timeouts."""
        config = ProviderConfig(
            kind="openai" if name == "aimock" else name,
            name=name,
            api_key=KEY,
            base_url=url or self._urls[name],
            timeouts=QUICK,
        )
        # The mock makes vectors for every model of which it does not know texts to say.
        chosen = model or ("vectors" if name == "aimock" else "plain")
        sizes = EmbeddingModel(name=chosen, dimensions=DIMENSIONS, max_tokens=MAX_TOKENS)
        embedder = build(config, sizes)
        self._made.append(embedder)
        return embedder

    def close(self) -> None:
        """Give back connections."""
        for embedder in self._made:
            embedder.close()


@pytest.fixture
def subjects(wire: WireServer, aimock: str) -> Iterator[Subjects]:
    """Give what builds embedders."""
    made = Subjects(wire, aimock)
    yield made
    made.close()


def failure_of(embedder: Embedder) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        embedder.embed(TEXTS)
    return raised.value


def refusal_of(embedder: Embedder, texts: Sequence[str]) -> str:
    with pytest.raises(InvalidRequest) as raised:
        embedder.embed(texts)
    assert list(raised.value.errors) == ["texts"]
    return raised.value.detail


every = pytest.mark.parametrize("name", KINDS)
over_the_wire = pytest.mark.parametrize("name", WIRE)


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


@over_the_wire
@pytest.mark.parametrize(
    ("model", "code", "may_retry"),
    [
        ("status-400", "upstream_rejected", False),
        ("status-401", "upstream_unauthorized", False),
        ("status-429", "upstream_rate_limited", True),
        ("status-500", "upstream_overloaded", True),
        ("status-503", "upstream_overloaded", True),
        ("nobody-has-it", "model_not_found", False),
        ("redirect", "upstream_rejected", False),
        ("cut", "upstream_cut", True),
        ("stall", "upstream_timeout", True),
        ("html", "upstream_protocol", True),
        ("malformed", "upstream_protocol", True),
        ("shapeless", "upstream_protocol", True),
        ("wordy", "upstream_protocol", True),
        ("too-few", "upstream_protocol", True),
        ("too-many", "upstream_protocol", True),
        ("too-short", "upstream_protocol", True),
        ("empty-vector", "upstream_protocol", True),
        ("zeros", "upstream_protocol", True),
        ("enormous", "upstream_protocol", True),
    ],
)
def test_every_failure_is_an_error_of_the_provider(
    subjects: Subjects, name: str, model: str, code: str, *, may_retry: bool
) -> None:
    error = failure_of(subjects.make(name, model))

    assert (error.code, error.retryable) == (code, may_retry)
    assert KEY not in error.detail


@over_the_wire
def test_a_server_that_is_not_there_is_unreachable(subjects: Subjects, name: str) -> None:
    error = failure_of(subjects.make(name, url=NOBODY))

    assert (error.code, error.retryable) == ("upstream_unreachable", True)


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
    # The SDK takes several texts for the parts of one, for models of this name.
    subjects.make("gemini", "gemini-embedding-2").embed(TEXTS)

    requests = wire.seen()["last"]["requests"]
    assert [len(one["content"]["parts"]) for one in requests] == [1] * len(TEXTS)
    assert {one["outputDimensionality"] for one in requests} == {DIMENSIONS}


def test_vectors_in_another_order_find_their_texts(subjects: Subjects) -> None:
    expected = subjects.make("openai").embed(TEXTS).vectors

    assert subjects.make("openai", "reversed").embed(TEXTS).vectors == expected


def test_a_vector_that_came_twice_instead_of_another_is_noticed(subjects: Subjects) -> None:
    assert failure_of(subjects.make("openai", "doubled")).code == "upstream_protocol"


@pytest.mark.parametrize("kind", ["nobody", "anthropic", "scripted", ""])
def test_who_makes_no_vectors_is_no_embedder(kind: str) -> None:
    with pytest.raises(LookupError, match=f"Known: {', '.join(sorted(EMBEDDINGS))}"):
        build(ProviderConfig(kind=kind, name=kind))


def test_the_model_of_a_local_server_has_to_be_named() -> None:
    with pytest.raises(LookupError, match="name one"):
        build(ProviderConfig(kind="local", name="local", base_url=NOBODY))


@pytest.mark.parametrize("kind", [kind for kind, known in EMBEDDINGS.items() if known.model])
def test_the_others_have_a_model_by_default(kind: str) -> None:
    embedder = build(ProviderConfig(kind=kind, name=kind))

    told = EmbeddingModel(
        name=embedder.model, dimensions=embedder.dimensions, max_tokens=embedder.max_tokens
    )
    assert told == EMBEDDINGS[kind].model
