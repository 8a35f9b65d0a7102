"""Rate limits by network, for callers without a login, and the headers that tell of every limit."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, ParamSpec, TypeVar

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, WindowStats
from limits.strategies import RateLimiter

from services.domain.callers.networks import circles_of, network_of
from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Count, Limit, Standing, Windows, widened

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """The limits in flask-limiter's notation; if not `enabled`, all of them are off."""

    enabled: bool
    login: str
    register: str
    refresh: str


class AddressLimits:
    """The limits of the handlers that need no login: of an address, and wider of what is around."""

    def __init__(self, app: Flask, rules: LimitRules, windows: Windows) -> None:
        """Count in `windows`, which belong to this process or to all workers."""
        self._rules = rules
        self._limiter = _AddressLimiter(app, rules, windows)
        app.after_request(_write_headers)

    def login(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that checks passwords, per address alone.

        What fails is counted in wider networks too, where it is found out, and there who was at
        home before is spared: here neighbours could keep the owner of an account out.
        """
        return self._limited(self._rules.login, handler, network)

    def register(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that makes accounts, per address."""
        return self._limited(self._rules.register, handler, widest_network)

    def refresh(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Limit a handler that continues logins, per address."""
        return self._limited(self._rules.refresh, handler, widest_network)

    def _limited(
        self, limits: str, handler: Callable[Params, Result], widest: Callable[[], str]
    ) -> Callable[Params, Result]:
        if not self._rules.enabled:
            return handler
        return self._limiter.limit(limits, key_func=widest)(handler)


class _AddressLimiter(Limiter):
    """flask-limiter with our own strategy: its Redis storage has no answer while Redis is away.

    Its fallback would allow each process the whole limit.
    """

    def __init__(self, app: Flask, rules: LimitRules, windows: Windows) -> None:
        """Count per address."""
        self._ours = _Strategy(windows)
        super().__init__(
            network,
            app=app,
            enabled=rules.enabled,
            storage_uri="memory://",  # the library wants a storage; `limiter` decides
            strategy="moving-window",
            headers_enabled=False,
            on_breach=_refuse,
        )

    @property
    def limiter(self) -> RateLimiter:
        """Give the strategy that counts."""
        return self._ours


class _Strategy(RateLimiter):
    """Counts for flask-limiter, and keeps for the headers the limit that will be met first."""

    def __init__(self, windows: Windows) -> None:
        """Use none of the library's storages."""
        self._windows = windows

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one request, in each network around the caller until one has no room.

        The first identifier is the widest network that is counted.
        """
        del cost  # always one here
        counted: list[tuple[str, Limit, Count]] = []
        circles = circles_of(request.remote_addr or "")
        for step, circle in enumerate(circles[: circles.index(identifiers[0]) + 1]):
            subject, limit = _subject((circle, *identifiers[1:])), widened(_limit(item), step)
            count = self._windows.take(subject, [limit])
            known: Standing | None = g.get("standing")
            if known is None or count.tightest.remaining < known.remaining:
                g.standing = count.tightest
            if not count.fits:
                self._give_back(counted)
                return False
            counted.append((subject, limit, count))
        return True

    def _give_back(self, counted: list[tuple[str, Limit, Count]]) -> None:
        """Have what a wider network refuses leave nothing: it has any number of narrow ones."""
        for subject, limit, count in counted:
            if count.entry is not None:
                self._windows.give_back(subject, [limit], count.entry)

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Tell whether another request fits."""
        del cost  # always one here
        return self._windows.look(_subject(identifiers), [_limit(item)]).fits

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """Tell how much of a limit is left, and when it is reset."""
        standing = self._windows.look(_subject(identifiers), [_limit(item)]).tightest
        return WindowStats(time.time() + standing.reset_seconds, standing.remaining)


def network() -> str:
    """Name the caller's network, see `network_of`."""
    return network_of(request.remote_addr or "")


def widest_network() -> str:
    """Name the widest of the caller's networks, see `circles_of`."""
    return circles_of(request.remote_addr or "")[-1]


def tell(standing: Standing | None) -> None:
    """Have the present response say where the caller stands; None: nothing is limited."""
    if standing is not None:
        g.standing = standing


def _refuse(_: RequestLimit) -> NoReturn:
    raise TooManyRequests.of(g.standing)


def _write_headers(response: Response) -> Response:
    standing: Standing | None = g.get("standing")
    if standing is not None:
        response.headers["RateLimit-Limit"] = str(standing.limit.amount)
        response.headers["RateLimit-Remaining"] = str(standing.remaining)
        response.headers["RateLimit-Reset"] = str(standing.whole_seconds)
    return response


def _limit(item: RateLimitItem) -> Limit:
    return Limit(str(item), item.amount, item.get_expiry())


def _subject(identifiers: tuple[str, ...]) -> str:
    network_, where = identifiers
    return f"{where}:{network_}"
