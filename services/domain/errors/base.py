"""The root of every error that a client can meet."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

FieldErrors = Mapping[str, Sequence[str]]


class CharlaError(Exception):
    """The root; `detail` is a sentence for people, `code` is stable and for programs."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    code: str = "internal_error"
    retryable: bool = False
    retry_after: float | None = None

    def __init__(self, detail: str = "", errors: FieldErrors | None = None) -> None:
        """Keep the sentence, and what is wrong with each field of the input."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors: FieldErrors = errors or {}

    def extra(self) -> Mapping[str, object]:
        """Give the further members of the problem document."""
        return {}
