"""Tokens are counted as OpenAI counts them, without a network, and never hold the server up."""

import hashlib
import random
import shutil
import subprocess
import sys
from time import thread_time

import gevent
import pytest
import tiktoken
from source_tree import ROOT

from services.providers import tokens

CHARS = 100_000
SHA256_OF_OPENAI = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""What tiktoken compares o200k_base with when it downloads it."""

CACHE_NAME = hashlib.sha1(  # noqa: S324 - how tiktoken names files of its cache
    b"https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
).hexdigest()

_random = random.Random(7)  # noqa: S311 - the same texts in every run


def _mixed(low: int, high: int) -> str:
    return "".join(chr(_random.randint(low, high)) for _ in range(CHARS))


LONG = {
    "one letter": "a" * CHARS,
    "capitals": "A" * CHARS,
    "letters": _mixed(ord("a"), ord("z")),
    "base64": "".join(_random.choices("ABCXYZabcxyz0189+/", k=CHARS)),
    "digits": "1" * CHARS,
    "punctuation": "!" * CHARS,
    "spaces": " " * CHARS,
    "spaces and a word": " " * (CHARS - 1) + "x",
    "tabs and spaces": " \t" * (CHARS // 2),
    "line breaks": "\n" * CHARS,
    "one Chinese character": "你" * CHARS,
    "Chinese": _mixed(0x4E00, 0x9FFF),
    "Korean": _mixed(0xAC00, 0xD7A3),
    "emoji": _mixed(0x1F300, 0x1FAFF),
    "rare characters": _mixed(0x20000, 0x2A6DF),
    "joiners": "\u200d" * CHARS,
    "accents": "\u0301" * CHARS,
}
SHORT = (
    "",
    "Hello, world!",
    "Grüße aus 你好 and 👋🏽 again",
    "def f(x):\n\treturn x  #   spaces\r\n\r\n",
    "I'll, WE'VE, it's don'T",
    "1234567 1.5e-9 §$%&/()",
    "שלום мир こんにちは ไทย",
    "\0\x1f\ufeff",
    "a \n \n b",
)


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> tiktoken.Encoding:
    """Give what tiktoken itself makes of the vocabulary, after it has checked its digest."""
    folder = tmp_path_factory.mktemp("tiktoken")
    shutil.copy(tokens.VOCABULARY, folder / CACHE_NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        return tiktoken.get_encoding("o200k_base")


def test_the_vocabulary_is_the_one_that_openai_publishes() -> None:
    digest = hashlib.sha256(tokens.VOCABULARY.read_bytes()).hexdigest()

    assert digest == SHA256_OF_OPENAI


def test_words_are_cut_where_openai_cuts_them(official: tiktoken.Encoding) -> None:
    ours = tokens.warm_up()

    assert ours._pat_str == official._pat_str  # noqa: SLF001 - there is no other way to see it


@pytest.mark.parametrize("text", SHORT)
def test_a_text_has_the_tokens_that_tiktoken_counts(text: str, official: tiktoken.Encoding) -> None:
    assert tokens.count(text) == len(official.encode_ordinary(text))


def test_what_looks_like_a_special_token_is_text(official: tiktoken.Encoding) -> None:
    text = "<|endoftext|><|im_start|>"

    assert tokens.count(text) == len(official.encode(text, disallowed_special=())) > 2


def test_prose_of_any_length_is_counted_as_in_one_piece(official: tiktoken.Encoding) -> None:
    text = "The quick brown fox jumps over the lazy dog, doesn't it?\n" * 2_000

    assert tokens.count(text) == len(official.encode_ordinary(text))


@pytest.mark.parametrize("kind", LONG)
def test_a_long_text_without_words_is_counted_nearly_exactly_and_at_once(
    kind: str, official: tiktoken.Encoding
) -> None:
    exact = len(official.encode_ordinary(LONG[kind]))
    tokens.count("warm")

    times = []
    for _ in range(3):
        begun = thread_time()
        counted = tokens.count(LONG[kind])
        times.append(thread_time() - begun)

    assert counted == pytest.approx(exact, rel=0.03)
    assert min(times) < 0.1  # of this thread alone: others may have the core meanwhile


def test_a_million_spaces_are_no_harm() -> None:
    assert tokens.count(" " * 1_000_000 + "x") > 1_000


def test_others_run_while_a_long_text_is_counted() -> None:
    turns: list[int] = []

    def other() -> None:
        for turn in range(5):
            turns.append(turn)
            gevent.sleep(0)

    greenlet = gevent.spawn(other)
    tokens.count(LONG["Chinese"])

    assert turns == [0, 1, 2, 3, 4]
    greenlet.join()


def test_a_short_text_is_counted_without_letting_others_run() -> None:
    turns: list[int] = []
    greenlet = gevent.spawn(turns.append, 1)

    tokens.count("Hello, world!")

    assert turns == []
    greenlet.join()


def test_the_tokenizer_is_loaded_only_where_somebody_counts() -> None:
    question = (
        "import sys; from services.providers.registry import build;"
        "from services.providers.config import ProviderConfig;"
        "script = build(ProviderConfig(kind='scripted', name='scripted'));"
        "script.warm_up(); script.count_tokens('Hello');"
        "build(ProviderConfig(kind='openai', name='openai'));"
        "print('tiktoken' in sys.modules)"
    )

    answer = subprocess.run(
        [sys.executable, "-c", question], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert answer.stdout.strip() == "False"
