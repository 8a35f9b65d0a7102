"""The hashed vectors: alike for like texts, and the same everywhere and for ever."""

import subprocess
import sys
from hashlib import sha256
from struct import pack

import gevent
import pytest
from source_tree import ROOT

from services.providers.config import ProviderConfig
from services.providers.embedding.base import Embedder
from services.providers.embedding.model import EmbeddingModel
from services.providers.embedding.registry import build

LONG = "日本語のテキスト und Wörter, die länger sind. " * 250

STORED = "Grüße aus 你好: the ﬁrst ANSWER, e\u0301 and 👋🏽!"
DIGEST = "623379969d3278be7449554085793ec46350173e6da850ff635eeb9da266d3a5"
"""Of the vectors of `STORED`: if it changes, vectors that users have stored no longer fit."""

PRINT_DIGEST = f"""
from hashlib import sha256
from struct import pack
from services.providers.config import ProviderConfig
from services.providers.embedding.registry import build
import sys
embedder = build(ProviderConfig(kind="embedded", name="embedded"))
(vector,) = embedder.embed([{STORED!r}]).vectors
print(sha256(pack("<256d", *vector)).hexdigest())
print([name for name in ("openai", "google.genai", "tiktoken", "httpx2") if name in sys.modules])
"""


@pytest.fixture
def embedder() -> Embedder:
    """Give the default embedder."""
    return build(ProviderConfig(kind="embedded", name="embedded"))


def likeness(embedder: Embedder, one: str, other: str) -> float:
    first, second = embedder.embed([one, other]).vectors
    return sum(a * b for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("text", "similar", "unrelated"),
    [
        (
            "How do I reset my password?",
            "I forgot my password and want to reset it",
            "The weather in Paris is sunny today",
        ),
        (
            "Invoices are due within thirty days",
            "When is an invoice due?",
            "Our cat sleeps on the sofa all day",
        ),
        (
            "Der Hund läuft durch den Park",
            "Ein Hund lief im Park",
            "Die Rechnung ist in dreißig Tagen fällig",
        ),
        ("如何重置我的密码", "我忘记了密码 怎么重置", "今天巴黎的天气很好"),
        ("Как изменить пароль?", "пароль надо изменить", "погода в Париже"),
        ("ลืมรหัสผ่าน", "รหัสผ่านหาย", "วันนี้อากาศดี"),
        ("The quick brown fox", "teh quikc brown fox", "An entirely different sentence"),
        ("def add(a, b): return a + b", "def add(x, y): return x + y", "SELECT id FROM users"),
    ],
)
def test_a_similar_text_is_nearer_than_an_unrelated_one(
    embedder: Embedder, text: str, similar: str, unrelated: str
) -> None:
    near, far = likeness(embedder, text, similar), likeness(embedder, text, unrelated)

    assert near > far + 0.1
    assert near > 0.25


def test_the_nearest_of_many_texts_is_the_one_about_the_question(embedder: Embedder) -> None:
    texts = [
        "Backups are made with the backup command while the server runs.",
        "The server listens on port 5000 unless PORT says otherwise.",
        "A run belongs to the server, not to a connection.",
        "Rate limits are counted per user, and per address where nobody is known.",
        "Bananas are rich in potassium.",
    ]
    question = "On which port does the server listen?"

    nearest = max(texts, key=lambda text: likeness(embedder, question, text))

    assert nearest == texts[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HELLO World", "hello world"),
        ("ﬁrst", "first"),
        ("e\u0301te\u0301", "été"),
        ("Straße", "STRASSE"),
        ("  hello \n world\t", "hello world"),
    ],
)
def test_what_only_looks_different_has_the_same_vector(
    embedder: Embedder, one: str, other: str
) -> None:
    first, second = embedder.embed([one, other]).vectors

    assert first == second


@pytest.mark.parametrize("text", ["!", "。", "👋🏽", "\u0301", "\0", "a", "你"])
def test_any_text_that_is_not_blank_has_a_direction(embedder: Embedder, text: str) -> None:
    (vector,) = embedder.embed([text]).vectors

    assert any(vector)


def test_a_vector_never_changes(embedder: Embedder) -> None:
    (vector,) = embedder.embed([STORED]).vectors

    assert sha256(pack("<256d", *vector)).hexdigest() == DIGEST


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_makes_the_same_vector_and_loads_no_sdk(seed: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST],
        cwd=ROOT,
        env={"PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout.split() == [DIGEST, "[]"]


def test_the_vectors_are_as_long_as_was_asked_for() -> None:
    sizes = EmbeddingModel(name="small", dimensions=32, max_tokens=10)
    embedder = build(ProviderConfig(kind="embedded", name="embedded"), sizes)

    assert [len(vector) for vector in embedder.embed(["one", "two"]).vectors] == [32, 32]


def test_others_run_while_a_long_text_is_hashed(embedder: Embedder) -> None:
    turns: list[int] = []

    def other() -> None:
        for turn in range(5):
            turns.append(turn)
            gevent.sleep(0)

    greenlet = gevent.spawn(other)
    embedder.embed([LONG])

    assert turns == [0, 1, 2, 3, 4]
    greenlet.join()
