"""Vectors without any AI: texts that share words, or parts of words, lie near each other.

It knows no meaning: "car" is as far from "automobile" as from "banana". It gives a search that
forgives endings and typing errors, without a key and without a network.

The same text has the same vector on every machine and Python: parts are hashed with BLAKE2b, and
all calculations use only what IEEE 754 defines to the last bit. (Characters newer than Unicode 14
may differ.) A change that moves vectors must give the model another name, because stored vectors
would no longer fit.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from math import sqrt
from typing import TypeVar

import gevent

from services.domain.costs import estimate_tokens
from services.providers.embedding.base import Embedder, RawVectors, Vector

Item = TypeVar("Item")

_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Thai, Lao, Khmer, Japanese and Chinese: no spaces separate the words."""

_WORD = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\W{_UNSPACED}]+|[^\w\s]+")
_PART_CHARS = (2, 3, 4)
_WORD_WEIGHT = 8.0
"""A whole word counts about as much as all of its parts."""

_FULL_CHARS = 6
"""The shorter a word is, the less it says, down to articles."""

_TURN = 2_000
"""So many parts take two milliseconds; then other greenlets run."""


class HashingEmbedder(Embedder):
    """Hashes words and parts of words into a few dimensions, in this process."""

    max_batch = 100

    def count_tokens(self, text: str) -> int:
        """Estimate: the mode without a key loads no tokenizer."""
        return estimate_tokens(text)

    def warm_up(self) -> None:
        """Do nothing: nothing needs to be loaded."""

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _embed(self, texts: Sequence[str]) -> RawVectors:
        return RawVectors([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Vector:
        weights: dict[str, float] = {}
        for part, weight in _in_turns(_parts(text)):
            weights[part] = weights.get(part, 0.0) + weight
        vector = [0.0] * self.dimensions
        for part, weight in _in_turns(weights.items()):
            hashed = int.from_bytes(blake2b(part.encode(), digest_size=8).digest(), "little")
            # A word that is there a hundred times is not a hundred times as important.
            value = sqrt(weight)
            vector[(hashed >> 1) % self.dimensions] += value if hashed & 1 else -value
        return vector


def _parts(text: str) -> Iterator[tuple[str, float]]:
    """Give words and their parts, with their weights; `<` and `>` mark a word's ends."""
    for found in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        word = found[0]
        if found["unspaced"]:
            for start in range(len(word)):
                yield word[start], 1.0
                yield word[start : start + 2], _WORD_WEIGHT
            continue
        weight = min(len(word), _FULL_CHARS) / _FULL_CHARS
        yield f"<<{word}>>", _WORD_WEIGHT * weight
        marked = f"<{word}>"
        for size in _PART_CHARS:
            for start in range(len(marked) - size + 1):
                yield marked[start : start + size], weight


def _in_turns(items: Iterable[Item]) -> Iterator[Item]:
    """Give the items, and let other greenlets run now and then."""
    for number, item in enumerate(items, 1):
        yield item
        if number % _TURN == 0:
            gevent.sleep(0)
