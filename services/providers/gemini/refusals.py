"""What Google says when it refuses a call: `google.rpc.Status` as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.providers.sdk.errors import refusal

_KEY_REASONS = "API_KEY_"
_DAILY = "PerDay"


def refusal_of(status: int, body: bytes, headers: Mapping[str, str], secret: str) -> ProviderError:
    """Make the error of an answer with a status other than 200.

    A key that is refused comes as a 400. The body says how long to wait, if no header does; once a
    quota of the day is used up, waiting is no use.
    """
    error = _error_in(body)
    details = [d for d in _list(error.get("details")) if isinstance(d, dict)]
    if any(str(detail.get("reason")).startswith(_KEY_REASONS) for detail in details):
        text = f"The provider answered with status {status}: it refuses the key."
        return ProviderError(text, code=FailureCode.UNAUTHORIZED)
    told = dict(headers)
    for detail in details:
        if isinstance(delay := detail.get("retryDelay"), str):
            told.setdefault("retry-after", delay.removesuffix("s"))
    is_final = any(map(_is_daily, details))
    return refusal(status, error.get("message"), told, secret, is_final=is_final)


def _error_in(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(told, list) and told:
        told = told[0]  # Google answers with a list if SSE was not agreed on
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, dict) else {"message": error}


def _is_daily(detail: dict[str, Any]) -> bool:
    violations = (v for v in _list(detail.get("violations")) if isinstance(v, dict))
    return any(_DAILY in str(violation.get("quotaId")) for violation in violations)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
