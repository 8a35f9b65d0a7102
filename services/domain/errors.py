"""Every error that a client can meet, as one tree.

CharlaError
├── InvalidRequest 422          the request cannot be taken as it is; `errors` names the fields
│   ├── MalformedRequest 400    not JSON, or not an object
│   ├── InvalidCursor 422       a cursor that this server did not make
│   ├── ModelNotAvailable 422   unknown or unconfigured provider or model
│   ├── ContextTooLong 422      the message does not fit the model's window
│   └── KeyReused 422           an Idempotency-Key that was used with another body
├── Unauthorized 401            no token, or a bad one
├── NotFound 404                does not exist, or is not yours
├── Conflict 409
│   ├── EmailTaken 409
│   ├── ExternalAccount 409     somebody else manages the account
│   └── RunActive 409           the session has an active run: `active_run_id`
├── ContentTooLarge 413
├── TooManyRequests 429         `retry_after` seconds
├── Unavailable 503
│   ├── StoreUnavailable 503
│   ├── Draining 503            the server is shutting down
│   └── TooManyStreams 503
└── ProviderError 502           an upstream failure; see the codes at the class
    └── ProviderTimeout 504
"""

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
        """Keep the sentence, and per field of the input what is wrong with it."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors: FieldErrors = errors or {}

    def extra(self) -> Mapping[str, object]:
        """Give the further members of the problem document."""
        return {}


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


class KeyReused(InvalidRequest):
    """An Idempotency-Key came again with a different body."""

    title = "The Idempotency-Key was used for another request"
    code = "idempotency_key_reused"


class Unauthorized(CharlaError):
    """No token, or one that does not count (any more)."""

    status = 401
    title = "Authentication is required"
    code = "unauthorized"


class NotFound(CharlaError):
    """It does not exist, or belongs to somebody else: both look the same."""

    status = 404
    title = "Not found"
    code = "not_found"


class Conflict(CharlaError):
    """The request contradicts the present state."""

    status = 409
    title = "Conflict"
    code = "conflict"


class EmailTaken(Conflict):
    """An account with this e-mail address exists."""

    code = "email_taken"


class ExternalAccount(Conflict):
    """The account is managed elsewhere: its logins and its password are not ours to change."""

    title = "The account is managed elsewhere"
    code = "external_account"

    def __init__(self, manager: str) -> None:
        """Say who manages it."""
        super().__init__(f"{manager} manages this account: do this there. Nothing has changed.")


class RunActive(Conflict):
    """A session answers one message at a time."""

    title = "A run is already active in this session"
    code = "run_active"

    def __init__(self, active_run_id: str) -> None:
        """Keep the run that the caller may follow or stop instead."""
        super().__init__("Follow or stop the active run, or wait for its end.")
        self.active_run_id = active_run_id

    def extra(self) -> Mapping[str, object]:
        """Name the active run."""
        return {"active_run_id": self.active_run_id}


class ContentTooLarge(CharlaError):
    """The body or the message is larger than the server takes."""

    status = 413
    title = "The content is too large"
    code = "content_too_large"


class TooManyRequests(CharlaError):
    """A limit of the caller's is used up."""

    status = 429
    title = "Too many requests"
    code = "rate_limited"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float = 1, code: str = "") -> None:
        """Say after how many seconds a new try makes sense."""
        super().__init__(detail)
        self.retry_after = retry_after
        self.code = code or self.code


class Unavailable(CharlaError):
    """The server cannot do this now; a later try may succeed."""

    status = 503
    title = "The service is not available"
    code = "unavailable"
    retryable = True
    retry_after = 1


class StoreUnavailable(Unavailable):
    """The database does not answer; nothing was saved and nothing was begun."""

    title = "The store is not available"
    code = "store_unavailable"


class Draining(Unavailable):
    """This server is shutting down and takes no new runs."""

    title = "The server is shutting down"
    code = "draining"


class TooManyStreams(Unavailable):
    """This server has as many open streams as it takes."""

    title = "Too many open streams"
    code = "too_many_streams"
    retry_after = 5


class ProviderError(CharlaError):
    """An upstream failed. `code` is one of `PROVIDER_CODES`.

    `may_retry`: the same call may succeed a little later (the runner retries before the first
    token); `retry_after` is what the upstream asked for, in seconds.
    """

    status = 502
    title = "The provider failed"
    code = "upstream_error"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "upstream_error",
        may_retry: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Describe the failure without any secret and without the vendor's own classes."""
        super().__init__(detail)
        self.code = code
        self.retryable = may_retry
        self.retry_after = retry_after


class ProviderTimeout(ProviderError):
    """An upstream did not answer, or stopped answering, in time."""

    status = 504
    title = "The provider took too long"

    def __init__(self, detail: str = "", *, may_retry: bool = True) -> None:
        """Retryable: a stall says nothing about the next call."""
        super().__init__(detail, code="upstream_timeout", may_retry=may_retry)


PROVIDER_CODES = {
    "upstream_error": "The provider answered with an error.",
    "upstream_unreachable": "No connection to the provider could be made.",
    "upstream_unauthorized": "The provider refused the server's key.",
    "upstream_rate_limited": "The provider limits the server (429).",
    "queue_full": "As many answers wait for room at the provider as may.",
    "upstream_overloaded": "The provider is overloaded or failing (5xx).",
    "upstream_timeout": "The provider did not answer, or stalled, past a time limit.",
    "upstream_cut": "The provider's stream ended before the answer did.",
    "upstream_protocol": "The provider sent something that is not its protocol.",
    "upstream_rejected": "The provider refused the request (4xx).",
    "model_not_found": "The provider does not know the model.",
}
