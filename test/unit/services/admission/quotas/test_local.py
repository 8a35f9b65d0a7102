"""The arithmetic of the moving window, compared with one that counts everything anew each time."""

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.admission.quotas.base import Quota, QuotaLeft, Reservation, Wait
from services.admission.quotas.local import LocalQuotas

SPAN, ABANDONED, WAITING = 8.0, 40.0, 2.0

Step: TypeAlias = tuple[str, int, int]
"""What is done, to which of the reservations, and a number."""

STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["reserve", "of more", "background"]), st.just(0), st.integers(-1, 14)
        ),
        st.tuples(st.sampled_from(["arrived", "cancel"]), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("correct"), st.integers(0, 30), st.integers(-1, 25)),
        st.tuples(st.just("pass"), st.just(0), st.sampled_from([1, 4, 8, 16, 31, 32, 33, 160])),
    ),
    max_size=60,
)
LIMITS = st.none() | st.integers(1, 12)


@dataclass
class Entry:
    """`at`: when it was reserved, or arrived."""

    at: float
    tokens: int
    has_arrived: bool = False


class NaiveWindow:
    """Keeps everything in one list."""

    def __init__(self, quota: Quota) -> None:
        """Begin with nothing."""
        self.quota = quota
        self.entries: dict[str, Entry] = {}
        self.refused_at: float | None = None

    def reserve(self, tokens: int, now: float, what: str) -> float | int:
        """Give the tokens that are taken, or a wait as a float."""
        self.forget(now)
        fitting = max(0, tokens if self.quota.tokens is None else min(tokens, self.quota.tokens))
        wait = self.wait(fitting, now)
        is_held = self.refused_at is not None and now < self.refused_at + WAITING
        if what == "background" and self.refused_at is not None and is_held:
            wait = max(wait, self.refused_at + WAITING - now)
        if what != "background":
            self.refused_at = now if wait or (what == "of more" and is_held) else None
        return max(wait, 0.005) if wait else fitting

    def wait(self, tokens: int, now: float) -> float:
        left = sorted((self.leaves(one, now), one.tokens) for one in self.entries.values())
        leaves = 0.0
        while not self.fits(tokens, [held for _, held in left]):
            leaves = left.pop(0)[0]
        return leaves

    def fits(self, tokens: int, held: list[int]) -> bool:
        requests_fit = self.quota.requests is None or len(held) < self.quota.requests
        tokens_fit = self.quota.tokens is None or sum(held) + tokens <= self.quota.tokens
        return requests_fit and tokens_fit

    def leaves(self, entry: Entry, now: float) -> float:
        return (entry.at if entry.has_arrived else now) + SPAN - now

    def forget(self, now: float) -> None:
        for entry in self.entries.values():
            if not entry.has_arrived and entry.at + ABANDONED <= now:
                entry.at, entry.has_arrived = now, True
        self.entries = {
            id_: one
            for id_, one in self.entries.items()
            if not one.has_arrived or one.at + SPAN > now
        }

    def left(self, now: float) -> QuotaLeft:
        self.forget(now)
        held = [one.tokens for one in self.entries.values()]
        requests, tokens = self.quota.requests, self.quota.tokens
        return QuotaLeft(
            None if requests is None else max(0, requests - len(held)),
            None if tokens is None else max(0, tokens - sum(held)),
            max((self.leaves(one, now) for one in self.entries.values()), default=0.0),
        )


class Both:
    """Does the same to both windows, and compares."""

    def __init__(self, quota: Quota) -> None:
        """Begin with nothing, on a clock of its own."""
        self.now = 1000.0
        self.quotas = LocalQuotas({"p": quota}, SPAN, ABANDONED, lambda: self.now)
        self.naive = NaiveWindow(quota)
        self.made: list[Reservation] = []

    def do(self, step: Step) -> None:
        what, which, number = step
        if what == "pass":
            self.now += number / 4  # exact, as a float
        elif what in {"reserve", "of more", "background"}:
            self.reserve(number, what)
        elif self.made:
            self.tell(what, self.made[which % len(self.made)], number)
        told = self.quotas.left("p")
        if self.quotas.limits["p"] != Quota():
            assert told == self.naive.left(self.now)

    def reserve(self, tokens: int, what: str) -> None:
        answer = self.quotas.reserve(
            "p", tokens, background=what == "background", more_wait=what == "of more"
        )
        if self.quotas.limits["p"] == Quota():
            assert isinstance(answer, Reservation)
            return
        expected = self.naive.reserve(tokens, self.now, what)
        if isinstance(answer, Wait):
            assert answer.seconds == expected
            assert isinstance(expected, float)
            return
        assert isinstance(expected, int)
        assert answer.tokens == expected
        self.naive.entries[answer.id] = Entry(self.now, answer.tokens)
        self.made.append(answer)

    def tell(self, what: str, one: Reservation, number: int) -> None:
        entry = self.naive.entries.get(one.id)
        if what == "arrived":
            self.quotas.arrived(one)
            if entry and not entry.has_arrived:
                entry.at, entry.has_arrived = self.now, True
        elif what == "cancel":
            self.quotas.cancel(one)
            if entry and not entry.has_arrived:
                del self.naive.entries[one.id]
        else:
            self.quotas.correct(one, number)
            if entry:
                entry.tokens = max(0, number)


@settings(deadline=None, max_examples=300)
@given(LIMITS, LIMITS, STEPS)
@example(1, None, [("reserve", 0, 1), ("pass", 0, 400), ("reserve", 0, 1)])
def test_it_is_as_if_all_were_counted_anew(
    requests: int | None, tokens: int | None, steps: list[Step]
) -> None:
    both = Both(Quota(requests, tokens))

    for step in steps:
        both.do(step)
