"""Failures of a provider."""

from typing import Self

from services.domain.errors.base import CharlaError
from services.domain.errors.codes import FailureCode


class ProviderError(CharlaError):
    """An answer failed, for the reason that `code` gives.

    `may_retry`: the same call may succeed a little later (the runner retries before the first
    token); `retry_after` is what the upstream asked for, in seconds.
    """

    status = 502
    title = "The provider failed"
    code: FailureCode = FailureCode.ERROR

    def __init__(
        self,
        detail: str = "",
        *,
        code: FailureCode = FailureCode.ERROR,
        may_retry: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Describe the failure without any secret and without the vendor's own classes."""
        super().__init__(detail)
        self.code = code
        self.retryable = may_retry
        self.retry_after = retry_after

    def for_another_server(self) -> Self:
        """Give the same failure as retryable at once: another server may not meet it."""
        same = self._copied()
        same.retryable, same.retry_after = True, None
        return same


class ProviderTimeout(ProviderError):
    """An upstream did not answer, or stopped answering, in time."""

    status = 504
    title = "The provider took too long"

    def __init__(self, detail: str = "", *, may_retry: bool = True) -> None:
        """Make it retryable: a stall says nothing about the next call."""
        super().__init__(detail, code=FailureCode.TIMEOUT, may_retry=may_retry)
