"""Rate limits: per address where nobody is known yet, per user where a model is asked."""

import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, ParamSpec, TypeVar

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, WindowStats, parse_many
from limits.strategies import RateLimiter

from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Limit, Standing, Windows

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """The limits in flask-limiter's notation; not `enabled` turns all of them off."""

    enabled: bool
    ai: str
    login: str
    register: str


class Limits:
    """All limits of an app, counted in one place."""

    def __init__(self, app: Flask, rules: LimitRules, windows: Windows) -> None:
        """Count in `windows`, whether they are of this process or of all workers."""
        self._rules = rules
        self._limiter = _AddressLimiter(app, rules, windows)
        self.ai = AiLimit(windows, rules)
        app.after_request(_tell)
        app.teardown_appcontext(lambda _: self.ai.give_back())

    def login(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that checks passwords, per address."""
        return self._limited(self._rules.login, handler)

    def register(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that makes accounts, per address."""
        return self._limited(self._rules.register, handler)

    def _limited(self, limits: str, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        return self._limiter.limit(limits)(handler) if self._rules.enabled else handler


class AiLimit:
    """How many runs a user may begin: tested before a run begins, taken after it began.

    A begin that is refused, and a replay of one that was made, cost nothing. Between test and take
    the store is asked, so a request holds its place meanwhile: others of this process that come at
    once do not get the same one.
    """

    def __init__(self, windows: Windows, rules: LimitRules) -> None:
        """Ask `windows` once for each step, however many limits there are."""
        self._windows = windows
        self._limits = [_limit(item) for item in parse_many(rules.ai)] if rules.enabled else []
        self._held: Counter[str] = Counter()

    def test(self, user_id: str) -> None:
        """Raise TooManyRequests where a limit is used up; takes nothing."""
        if not self._limits:
            return
        count = self._windows.look(f"ai:{user_id}", self._limits)
        g.standing = count.tightest
        if count.tightest.remaining <= self._held[user_id]:
            raise _used_up(count.tightest)
        self._held[user_id] += 1
        g.holds_place = user_id

    def take(self, user_id: str) -> None:
        """Count a run that began, also where others took the last room meanwhile."""
        if self._limits:
            g.standing = self._windows.add(f"ai:{user_id}", self._limits).tightest
            self.give_back()

    def give_back(self) -> None:
        """Let go of the place that this request holds, if it does."""
        user_id = g.pop("holds_place", None)
        if user_id is not None:
            self._held[user_id] -= 1
            if not self._held[user_id]:
                del self._held[user_id]


class _AddressLimiter(Limiter):
    """flask-limiter, whose strategy is ours: its own Redis storage has no answer while it is away.

    Its fallback would count each request against the whole limit in every process.
    """

    def __init__(self, app: Flask, rules: LimitRules, windows: Windows) -> None:
        """Count per address."""
        self._ours = _Strategy(windows)
        super().__init__(
            address,
            app=app,
            enabled=rules.enabled,
            storage_uri="memory://",  # it wants one; `limiter` decides
            strategy="moving-window",
            headers_enabled=False,
            on_breach=_refuse,
        )

    @property
    def limiter(self) -> RateLimiter:
        """Give what counts."""
        return self._ours


class _Strategy(RateLimiter):
    """Counts for flask-limiter, and keeps for the headers the limit that will be met first."""

    def __init__(self, windows: Windows) -> None:
        """Take no storage of the library's."""
        self._windows = windows

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one."""
        del cost  # always one here
        count = self._windows.take(_subject(identifiers), [_limit(item)])
        known: Standing | None = g.get("standing")
        if known is None or count.tightest.remaining < known.remaining:
            g.standing = count.tightest
        return count.fits

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Tell whether one more fits."""
        del cost  # always one here
        return self._windows.look(_subject(identifiers), [_limit(item)]).fits

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """Tell where somebody stands."""
        standing = self._windows.look(_subject(identifiers), [_limit(item)]).tightest
        return WindowStats(time.time() + standing.reset_seconds, standing.remaining)


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


def _refuse(_: RequestLimit) -> NoReturn:
    raise _used_up(g.standing)


def _used_up(standing: Standing) -> TooManyRequests:
    text = f"The limit of {standing.limit.text} is used up."
    return TooManyRequests(text, retry_after=_whole_seconds(standing))


def _tell(response: Response) -> Response:
    standing: Standing | None = g.get("standing")
    if standing is not None:
        response.headers["RateLimit-Limit"] = str(standing.limit.amount)
        response.headers["RateLimit-Remaining"] = str(standing.remaining)
        response.headers["RateLimit-Reset"] = str(_whole_seconds(standing))
    return response


def _whole_seconds(standing: Standing) -> int:
    return max(1, math.ceil(standing.reset_seconds))


def _limit(item: RateLimitItem) -> Limit:
    return Limit(str(item), item.amount, item.get_expiry())


def _subject(identifiers: tuple[str, ...]) -> str:
    who, where = identifiers
    return f"{where}:{who}"
