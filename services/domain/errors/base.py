"""The root of every error that a client can meet, and the tree that grows from it.

CharlaError
├── InvalidRequest 422          the request cannot be taken as it is; `errors` names the fields
│   ├── MalformedRequest 400    not JSON, or not an object
│   ├── InvalidCursor 422       a cursor that this server did not make
│   ├── ModelNotAvailable 422   unknown or unconfigured provider or model
│   ├── ContextTooLong 422      the message does not fit the model's window
│   ├── SearchTooBroad 422      a search that takes too long
│   └── KeyReused 422           an Idempotency-Key that was used with another body
├── Unauthorized 401            no token, or a bad one
├── RegistrationClosed 403      REGISTRATION is off, or wants an invitation
├── InvalidLink 403             a one-time link that is not good (any more)
├── NotFound 404                does not exist, or is not yours
├── Conflict 409
│   ├── EmailTaken 409
│   ├── ExternalAccount 409     another system manages the account
│   ├── RunActive 409           the session has an active run: `active_run_id`
│   └── StorageFull 409         the user keeps as much as a user may
├── RequestTimeout 408          did not arrive in time
├── ContentTooLarge 413
├── TooManyRequests 429         `retry_after` seconds
├── Unavailable 503
│   ├── StoreUnavailable 503
│   ├── Draining 503            the server is shutting down
│   ├── TooManyLogins 503       more passwords wait than are checked
│   ├── TooManyConnections 503
│   └── TooManyStreams 503
└── ProviderError 502           an upstream failure; see the codes at the class
    └── ProviderTimeout 504

The branches are in `requests`, `conflicts`, `outages` and `upstream`.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from services.domain.limits import Standing

FieldErrors = Mapping[str, Sequence[str]]


class CharlaError(Exception):
    """The root; `detail` is a sentence for people, `code` is stable and for programs.

    `standing` is where the caller stands with a limit that was looked at before; None: none was.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    code: str = "internal_error"
    retryable: bool = False
    retry_after: float | None = None
    standing: Standing | None = None

    def __init__(self, detail: str = "", errors: FieldErrors | None = None) -> None:
        """Keep the sentence, and what is wrong with each field of the input."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors: FieldErrors = errors or {}

    def extra(self) -> Mapping[str, object]:
        """Give the further members of the problem document."""
        return {}

    def with_standing(self, standing: Standing | None) -> Self:
        """Give the same error, told to a caller that stands so with a limit."""
        same = self._copied()
        same.standing = standing
        return same

    def _copied(self) -> Self:
        """Make the same error: one that is under way is never changed."""
        kind = type(self)
        same = kind.__new__(kind)
        same.args = self.args
        same.__dict__.update(self.__dict__)
        return same
