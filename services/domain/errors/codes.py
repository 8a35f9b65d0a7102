"""Why an answer failed, as one closed list."""

from enum import StrEnum


class FailureCode(StrEnum):
    """The code of a failed answer: stable, for programs; `meaning` is its sentence for people."""

    ERROR = "upstream_error"
    UNREACHABLE = "upstream_unreachable"
    UNAUTHORIZED = "upstream_unauthorized"
    RATE_LIMITED = "upstream_rate_limited"
    QUEUE_FULL = "queue_full"
    OVERLOADED = "upstream_overloaded"
    TIMEOUT = "upstream_timeout"
    CUT = "upstream_cut"
    PROTOCOL = "upstream_protocol"
    REJECTED = "upstream_rejected"
    MODEL_NOT_FOUND = "model_not_found"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal_error"

    @property
    def meaning(self) -> str:
        """Give the sentence that Documentation/errors.md has for it."""
        return _MEANINGS[self]

    @property
    def is_refusal(self) -> bool:
        """Tell whether the failure comes in place of an answer: such a call is not billed."""
        return self in _REFUSALS

    @property
    def is_fault(self) -> bool:
        """Tell whether the failure is the upstream's fault, not the request's or our pace's."""
        return self in _FAULTS

    @property
    def is_of_key(self) -> bool:
        """Tell whether another key or server may not meet it: this one is wrong, or used up."""
        return self in _OF_KEY


_MEANINGS = {
    FailureCode.ERROR: "The provider answered with an error.",
    FailureCode.UNREACHABLE: "The provider could not be reached, or its address is wrong.",
    FailureCode.UNAUTHORIZED: "The provider refused the server's key.",
    FailureCode.RATE_LIMITED: "The provider limits the server (429), or wants money (402).",
    FailureCode.QUEUE_FULL: (
        "As many answers wait for room at the provider as may, or you had most of them."
    ),
    FailureCode.OVERLOADED: "The provider is overloaded or failing (5xx).",
    FailureCode.TIMEOUT: "The provider did not answer, or stalled, past a time limit.",
    FailureCode.CUT: "The provider's stream ended before the answer did.",
    FailureCode.PROTOCOL: "The provider sent something that is not its protocol.",
    FailureCode.REJECTED: "The provider refused the request (4xx).",
    FailureCode.MODEL_NOT_FOUND: "The provider does not know the model.",
    FailureCode.INTERRUPTED: "The server that wrote the answer stopped or was shut down.",
    FailureCode.INTERNAL: "The server failed while it wrote the answer.",
}

_REFUSALS = frozenset(
    {
        FailureCode.MODEL_NOT_FOUND,
        FailureCode.OVERLOADED,
        FailureCode.RATE_LIMITED,
        FailureCode.REJECTED,
        FailureCode.UNAUTHORIZED,
        FailureCode.UNREACHABLE,
    }
)

_FAULTS = frozenset(
    {
        FailureCode.CUT,
        FailureCode.ERROR,
        FailureCode.OVERLOADED,
        FailureCode.PROTOCOL,
        FailureCode.TIMEOUT,
        FailureCode.UNAUTHORIZED,
        FailureCode.UNREACHABLE,
    }
)

_OF_KEY = frozenset({FailureCode.UNAUTHORIZED, FailureCode.RATE_LIMITED, FailureCode.UNREACHABLE})
