"""Failures of a provider."""

from services.domain.errors.base import CharlaError


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
