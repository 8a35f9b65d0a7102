"""Why models of a run did not answer, and whether another model may be asked instead."""

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.runs.asking.attempts import is_own_fault
from services.runs.living.run import Living


class Failures:
    """The failures of one run so far.

    `first` is what readers are told where all models fail, `last` why the next model is asked;
    None: no model has failed.
    """

    def __init__(self, living: Living) -> None:
        """Begin with none."""
        self._living = living
        self.first: ProviderError | None = None
        self.last: ProviderError | None = None
        self._is_own_fault = False

    def note(self, error: ProviderError) -> None:
        """Note why a model failed; only the first failure can be the request's own fault."""
        if self.first is None:
            self.first = error
            self._is_own_fault = is_own_fault(self._living, error)
        self.last = error

    @property
    def may_go_on(self) -> bool:
        """Tell whether another model may be asked after the last failure."""
        if self._is_own_fault or (self.last is not None and self.last.code is FailureCode.INTERNAL):
            return False
        return self._living.may_call_again
