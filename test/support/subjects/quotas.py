"""The quotas that must keep the one contract, and what their answers must be."""

from collections.abc import Callable

from services.admission.quotas.base import Quotas, Reservation, Wait

SPAN = 0.4
MINUTE = 60.0

MakeQuotas = Callable[..., Quotas]


def taken(answer: Reservation | Wait) -> Reservation:
    """Give a reservation that must have been made."""
    assert isinstance(answer, Reservation), answer
    return answer


def refused(answer: Reservation | Wait) -> float:
    """Give the wait that must have been told."""
    assert isinstance(answer, Wait), answer
    return answer.seconds


def has_room(quotas: Quotas, tokens: int = 0, *, background: bool = False) -> bool:
    """Try to reserve; takes nothing, but a refusal counts as one."""
    answer = quotas.reserve("p", tokens, background=background)
    if isinstance(answer, Reservation):
        quotas.cancel(answer)
        return True
    return False
