"""Requests that are refused for what the caller sent or did."""

from typing import Self

from services.domain.errors.base import CharlaError
from services.domain.limits import Standing

ODD_INPUT = (ValueError, TypeError, ArithmeticError, RecursionError)
"""What the readers of other packages raise where input has an odd type, size or depth."""


class InvalidRequest(CharlaError):
    """Input that breaks a rule of the contract."""

    status = 422
    title = "The request is not valid"
    code = "invalid_request"


class MalformedRequest(InvalidRequest):
    """A body that is not a JSON object in UTF-8."""

    status = 400
    title = "The request body cannot be read"
    code = "malformed_request"


class InvalidCursor(InvalidRequest):
    """A page cursor that this server did not make for this list."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        """Name the field and the way out."""
        super().__init__(
            "The cursor is not one that this list returned; start again without it.",
            {"cursor": ["Not a cursor of this list."]},
        )


class ModelNotAvailable(InvalidRequest):
    """A provider or model that this server cannot ask."""

    title = "The model is not available"
    code = "model_not_available"


class ContextTooLong(InvalidRequest):
    """The new message alone is larger than what the model takes."""

    title = "The message does not fit the model"
    code = "context_too_long"


class SearchTooBroad(InvalidRequest):
    """A search that took longer than a search may."""

    title = "The search takes too long"
    code = "search_too_broad"


class KeyReused(InvalidRequest):
    """An Idempotency-Key came again with a different body."""

    title = "The Idempotency-Key was used for another request"
    code = "idempotency_key_reused"


class Unauthorized(CharlaError):
    """No token, or a token that is not valid (any more)."""

    status = 401
    title = "Authentication is required"
    code = "unauthorized"


class RegistrationClosed(CharlaError):
    """This server makes no account for whoever asks."""

    status = 403
    title = "Registration is closed"
    code = "registration_closed"


class InvalidLink(CharlaError):
    """A one-time link that was used, has expired, was replaced, or is for another address."""

    status = 403
    title = "The link is not valid"
    code = "invalid_link"


class NotFound(CharlaError):
    """What was asked for does not exist, or belongs to another user: both look the same."""

    status = 404
    title = "Not found"
    code = "not_found"


class RequestTimeout(CharlaError):
    """A request that did not arrive in time; its connection is closed."""

    status = 408
    title = "The request came too slowly"
    code = "request_timeout"
    retryable = True


class ContentTooLarge(CharlaError):
    """The body or the message is larger than the server takes."""

    status = 413
    title = "The content is too large"
    code = "content_too_large"


class TooManyRequests(CharlaError):
    """A limit of the caller is used up; `standing` is the caller's standing with it."""

    status = 429
    title = "Too many requests"
    code = "rate_limited"
    retryable = True

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: float = 1,
        code: str = "",
        standing: Standing | None = None,
    ) -> None:
        """Say after how many seconds a new try makes sense."""
        super().__init__(detail)
        self.retry_after = retry_after
        self.code = code or self.code
        self.standing = standing

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Refuse a request that is over a limit."""
        text = f"The limit of {standing.limit.text} is used up."
        return cls(text, retry_after=standing.whole_seconds, standing=standing)
