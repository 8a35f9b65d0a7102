"""What is known of a model that makes vectors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingModel:
    """A model: its name upstream, the length of its vectors, the longest text that it takes."""

    name: str
    dimensions: int
    max_tokens: int
