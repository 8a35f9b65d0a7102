"""Rate limits: per address where nobody is known yet, per user where a model is asked."""

import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, ParamSpec, TypeVar

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, parse_many

from services.domain.errors import TooManyRequests

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """The limits in flask-limiter's notation; not `enabled` turns all of them off."""

    enabled: bool
    ai: str
    login: str
    register: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with a limit, as the RateLimit headers tell it."""

    limit: int
    remaining: int
    reset_seconds: int


class Limits:
    """All limits of an app, over one storage."""

    def __init__(self, app: Flask, rules: LimitRules) -> None:
        """Count in this process' memory; the window moves with the clock."""
        self._rules = rules
        self._limiter = Limiter(
            address,
            app=app,
            enabled=rules.enabled,
            storage_uri="memory://",
            strategy="moving-window",
            headers_enabled=False,
            on_breach=_refuse,
        )
        self.ai = AiLimit(self._limiter, rules)
        app.after_request(self._tell)

    def login(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that checks passwords, per address."""
        return self._limiter.limit(self._rules.login)(handler)

    def register(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that makes accounts, per address."""
        return self._limiter.limit(self._rules.register)(handler)

    def _tell(self, response: Response) -> Response:
        standing: Standing | None = g.get("standing")
        met = self._limiter.current_limit
        if standing is None and met is not None:
            standing = _standing(met)
        if standing is not None:
            response.headers["RateLimit-Limit"] = str(standing.limit)
            response.headers["RateLimit-Remaining"] = str(standing.remaining)
            response.headers["RateLimit-Reset"] = str(standing.reset_seconds)
        return response


class AiLimit:
    """How many runs a user may begin: tested before a run begins, taken after it began.

    A begin that is refused, and a replay of one that was made, cost nothing.
    """

    def __init__(self, limiter: Limiter, rules: LimitRules) -> None:
        """Count with the limiter's own strategy, so that its storage may be anywhere."""
        self._limiter = limiter
        self._items = parse_many(rules.ai) if rules.enabled else []

    def test(self, user_id: str) -> None:
        """Raise TooManyRequests where a limit is used up; takes nothing."""
        self._note(user_id)
        for item in self._items:
            if not self._limiter.limiter.test(item, "ai", user_id):
                wait = self._standing(item, user_id).reset_seconds
                raise TooManyRequests(f"The limit of {item} is used up.", retry_after=wait)

    def take(self, user_id: str) -> None:
        """Count a run that began."""
        for item in self._items:
            self._limiter.limiter.hit(item, "ai", user_id)
        self._note(user_id)

    def _note(self, user_id: str) -> None:
        """Keep for the headers the limit that will be met first."""
        standings = [self._standing(item, user_id) for item in self._items]
        if standings:
            g.standing = min(standings, key=lambda standing: standing.remaining)

    def _standing(self, item: RateLimitItem, user_id: str) -> Standing:
        reset_at, remaining = self._limiter.limiter.get_window_stats(item, "ai", user_id)
        return Standing(item.amount, max(0, remaining), _seconds_until(reset_at))


def address() -> str:
    """Name the caller's network: the address, of IPv6 the /64 that one customer has."""
    text = request.remote_addr or "unknown"
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return text
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _refuse(met: RequestLimit) -> NoReturn:
    wait = _standing(met).reset_seconds
    raise TooManyRequests(f"The limit of {met.limit} is used up.", retry_after=wait)


def _standing(met: RequestLimit) -> Standing:
    reset_at, remaining = met.window
    return Standing(met.limit.amount, max(0, remaining), _seconds_until(reset_at))


def _seconds_until(moment: float) -> int:
    return max(1, math.ceil(moment - time.time()))
