"""Guessing of passwords is slowed down, and nobody is kept out of an account of his own.

- A network from which the account was opened before has an allowance of failures of its own: what
  strangers do does not touch it. Beyond it the network may try once more, like any other.
- All other networks together have an allowance of attempts on an account. Where that is used up,
  each of them may still try once in the same span: a new device of the owner gets in at the first
  right password, however many others are guessing.
- What a network fails at is counted over all accounts, and so is what the networks around it do,
  with allowances that grow.

An account that does not exist is counted like any other, and whoever is in the owner's own network
sees no difference either.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.domain.callers.networks import circles_of, network_of
from services.domain.callers.peers import Peer
from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Limit, Standing, Windows, widened

ELSEWHERE = (
    "Too many logins to this account were tried. Where you are logged in, you still are; a new"
    " login has to wait."
)
TOO_MANY_FAILED = "Too many logins failed in this network: the next one has to wait."


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRules:
    """What may fail: at one account, and within one network; empty: anything."""

    account: Sequence[Limit]
    network: Sequence[Limit]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was let through; a failure is counted for `subjects`."""

    subjects: Sequence[tuple[str, Sequence[Limit]]]


class Attempts:
    """Lets attempts at passwords through, and counts those that fail."""

    def __init__(self, windows: Windows, rules: AttemptRules) -> None:
        """Count in `windows`, which belong to this process or to all workers."""
        self._windows = windows
        self._rules = rules

    def admit(self, email: str, peer: Peer) -> Attempt:
        """Let an attempt at an account through, or raise TooManyRequests.

        `email` is the address as it is compared. `peer.is_known`: the account was opened from its
        network before.
        """
        account, network = _digest(email), network_of(peer.address)
        around = [*self._networks_around(peer.address)]
        counted = around
        if peer.is_known:
            own = (f"failed:{account}:{network}", self._rules.account)
            counted = [own, *around]
            if self._has_room(*own):
                return Attempt(counted)
        for circle in around:
            self._check(*circle)
        site = circles_of(peer.address)[-1]
        if peer.is_known or not self._took_one(account):
            self._take_once(account, site)
        return Attempt(counted)

    def admit_change(self, login_id: str) -> Attempt:
        """Let an attempt at the password of a user who is logged in through, or raise the same."""
        own = (f"failed:login:{login_id}", self._rules.account)
        self._check(*own)
        return Attempt([own])

    def failed(self, attempt: Attempt) -> None:
        """Count an attempt that was wrong."""
        for subject, limits in attempt.subjects:
            if limits:
                self._windows.add(subject, limits)

    def _took_one(self, account: str) -> bool:
        limits = self._rules.account
        return not limits or self._windows.take(f"attempts:{account}", limits).fits

    def _take_once(self, account: str, site: str) -> None:
        if not self._rules.account:
            return
        count = self._windows.take(f"attempts:{account}:{site}", [_once(self._rules.account)])
        if not count.fits:
            raise _refusal(ELSEWHERE, count.tightest)

    def _check(self, subject: str, limits: Sequence[Limit]) -> None:
        if limits and not (count := self._windows.look(subject, limits)).fits:
            raise _refusal(TOO_MANY_FAILED, count.tightest)

    def _has_room(self, subject: str, limits: Sequence[Limit]) -> bool:
        return not limits or self._windows.look(subject, limits).fits

    def _networks_around(self, address: str) -> Iterator[tuple[str, Sequence[Limit]]]:
        for step, circle in enumerate(circles_of(address)):
            yield f"failed:{circle}", [widened(limit, step) for limit in self._rules.network]


def _once(limits: Sequence[Limit]) -> Limit:
    shortest = min(limits, key=lambda limit: limit.seconds)
    return replace(shortest, text=f"1 in {shortest.seconds} seconds", amount=1)


def _refusal(text: str, standing: Standing) -> TooManyRequests:
    return TooManyRequests(text, retry_after=standing.whole_seconds, standing=standing)


def _digest(email: str) -> str:
    return hashlib.sha256(email.encode(errors="surrogatepass")).hexdigest()
