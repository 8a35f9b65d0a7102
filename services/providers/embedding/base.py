"""What turns texts into vectors: texts that mean nearly the same lie near each other."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.costs import Usage, UsageSource
from services.domain.errors.requests import InvalidRequest
from services.providers import tokens
from services.providers.config import ProviderConfig
from services.providers.embedding.model import EmbeddingModel
from services.providers.wire.clean_text import protocol_error

Vector = list[float]

_MOST_TOKENS = 2**31 - 1
"""No call has more, and a database's integers are limited."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of texts, and what they took; of a usage only `input_tokens` counts."""

    vectors: Sequence[Vector]
    usage: Usage


@dataclass(frozen=True, slots=True)
class RawVectors:
    """Vectors of any length, one for each text, and how many tokens upstream says they took.

    A report that is no sensible number counts as none.
    """

    vectors: Sequence[Vector]
    reported_tokens: object = None


class Embedder(ABC):
    """Makes vectors of one model. Safe for any number of concurrent calls.

    `dimensions` is the length of each vector, `max_batch` the most texts in one call.
    """

    name: str
    model: str
    dimensions: int
    max_tokens: int
    max_batch: int

    def __init__(self, config: ProviderConfig, model: EmbeddingModel) -> None:
        """Keep both; nothing is loaded and nothing connected."""
        self.name = config.name
        self.model = model.name
        self.dimensions = model.dimensions
        self.max_tokens = model.max_tokens
        self._config = config

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Give a vector for each text, in their order, of length 1: a product is a cosine.

        Without texts no call is made. Raises InvalidRequest before any call for a text that is
        blank or too long, which it names, and for too many texts; every other failure is a
        ProviderError, with `may_retry` if the same call may succeed later; nothing is retried here.
        """
        self._check(texts)
        if not texts:
            return Embedded([], Usage())
        raw = self._embed(texts)
        if len(raw.vectors) != len(texts):
            raise protocol_error(
                f"The provider sent {len(raw.vectors)} vectors for {len(texts)} texts."
            )
        made = [self._normalised(vector) for vector in raw.vectors]
        return Embedded(made, self._usage(texts, raw.reported_tokens))

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text before a call, as near as possible without asking upstream."""
        return tokens.count(text)

    @abstractmethod
    def warm_up(self) -> None:
        """Load what the first call needs, so that it does not wait for imports."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections; a later call opens new ones."""

    @abstractmethod
    def _embed(self, texts: Sequence[str]) -> RawVectors:
        """Give a vector for each text: there is at least one, and none is blank or too long."""

    def _check(self, texts: Sequence[str]) -> None:
        if len(texts) > self.max_batch:
            raise _refused(f"{len(texts)} texts; at most {self.max_batch} are taken at once.")
        for number, text in enumerate(texts, 1):
            if not text.strip():
                raise _refused(f"Text {number} is blank.")
            counted = self.count_tokens(text)
            if counted > self.max_tokens:
                size = f"about {counted} tokens; at most {self.max_tokens} are taken"
                raise _refused(f"Text {number} has {size}.")

    def _usage(self, texts: Sequence[str], reported: object) -> Usage:
        if type(reported) is int and 0 <= reported <= _MOST_TOKENS:
            return Usage(input_tokens=reported)
        counted = sum(self.count_tokens(text) for text in texts)
        return Usage(input_tokens=counted, source=UsageSource.ESTIMATED)

    def _normalised(self, vector: Vector) -> Vector:
        if len(vector) != self.dimensions:
            lengths = f"{len(vector)} numbers instead of {self.dimensions}"
            raise protocol_error(f"The provider sent a vector of {lengths}.")
        length = _length(vector)
        if not 0 < length < math.inf:
            raise protocol_error("The provider sent a vector without a direction.")
        return [number / length for number in vector]


def _length(vector: Vector) -> float:
    """Measure a vector, to the same last bit on every machine; infinite if it is too long."""
    try:
        return math.sqrt(math.fsum(number * number for number in vector))
    except OverflowError:
        return math.inf


def _refused(text: str) -> InvalidRequest:
    return InvalidRequest(text, {"texts": [text]})
