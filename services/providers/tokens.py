"""How many tokens a text has, counted before a call: nothing is asked or downloaded.

The vocabulary, OpenAI's o200k_base, is in a folder beside this file, as npm's gpt-tokenizer
publishes it. Other vendors do not publish theirs, which are close to it. It takes a third of a
second and 80 MB to load, so it is loaded by `warm_up`, or else by the first count.
"""

import base64
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import gevent
import structlog

if TYPE_CHECKING:
    import tiktoken

VOCABULARY = Path(__file__).parent / "vendor" / "o200k_base" / "o200k_base.tiktoken"

PIECE_CHARS = 4_000
"""A piece takes a millisecond at most, whatever is in it (measured: random Chinese, emoji).

In one piece, a million spaces overflow tiktoken's stack, which is a panic and no Exception.
"""

_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
"""Where a text may be cut into words: as tiktoken_ext.openai_public has it for o200k_base."""

_log = structlog.get_logger(__name__)
_loading = threading.Lock()


def count(text: str) -> int:
    """Count the tokens of a text; text that looks like a special token is counted as text.

    A text of more than `PIECE_CHARS` lets other greenlets run between its pieces. The number is
    exact if pieces end between words; otherwise each piece adds about a token.
    """
    encoding = warm_up()
    total = 0
    for number, piece in enumerate(_pieces(text)):
        if number:
            gevent.sleep(0)
        total += len(encoding.encode_ordinary(piece))
    return total


def warm_up() -> "tiktoken.Encoding":
    """Load the vocabulary, once for the process, and give it."""
    with _loading:
        return _encoding()


@cache
def _encoding() -> "tiktoken.Encoding":
    import tiktoken  # noqa: PLC0415 - loaded with the vocabulary, at the first count

    begun = perf_counter()
    lines = (line.split() for line in VOCABULARY.read_bytes().splitlines())
    encoding = tiktoken.Encoding(
        "o200k_base",
        pat_str=_PATTERN,
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in lines},
        special_tokens={},
    )
    _log.info("tokenizer_loaded", seconds=round(perf_counter() - begun, 3))
    return encoding


def _pieces(text: str) -> Iterator[str]:
    """Cut a text where a word begins, or else anywhere: long runs would hold up all others."""
    start = 0
    while len(text) - start > PIECE_CHARS:
        end = start + PIECE_CHARS
        word = text.rfind(" ", start + 1, end)
        end = word if word > 0 else end
        yield text[start:end]
        start = end
    yield text[start:]
