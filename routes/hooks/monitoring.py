"""Who may see how the server is doing: figures and states tell strangers more than they need."""

import hmac
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from routes.hooks.authentication import bearer_token
from services.domain.errors.requests import Unauthorized

Params = ParamSpec("Params")
Result = TypeVar("Result")

_NO_TOKEN = "This server has no METRICS_TOKEN, so in production nobody may read this."  # noqa: S105 - a sentence
_OTHER_TOKEN = "This takes the server's METRICS_TOKEN: Authorization: Bearer <token>."  # noqa: S105 - the same


class Monitoring:
    """Knows those who watch the server by their token; without one it is open, or closed to all."""

    def __init__(self, token: str | None, *, is_open: bool) -> None:
        """Take the token; `is_open` says what holds where there is none."""
        self._token = token
        self._is_open = is_open

    def is_watcher(self) -> bool:
        """Tell whether whoever sent the present request may see everything."""
        try:
            self._check()
        except Unauthorized:
            return False
        return True

    def required(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Let only those through who may see everything; others are told 401."""

        @wraps(handler)
        def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result:
            self._check()
            return handler(*args, **kwargs)

        return guarded

    def _check(self) -> None:
        if self._token is None:
            if not self._is_open:
                raise Unauthorized(_NO_TOKEN)
        elif not hmac.compare_digest(bearer_token().encode(), self._token.encode()):
            raise Unauthorized(_OTHER_TOKEN)
