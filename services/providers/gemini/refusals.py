"""What Google says when it refuses a call: `google.rpc.Status` as JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from services.domain.errors.upstream import ProviderError
from services.providers.sdk.errors import refusal

_DAILY = "PerDay"


def refusal_of(status: int, body: bytes, headers: Mapping[str, str], secret: str) -> ProviderError:
    """Make the error of an answer with a status other than 200.

    The body says how long to wait, if no header does; once a quota of the day is used up, waiting
    is no use.
    """
    details = list(_details_in(body))
    told = dict(headers)
    for detail in details:
        if isinstance(delay := detail.get("retryDelay"), str):
            told.setdefault("retry-after", delay.removesuffix("s"))
    return refusal(status, body, told, secret, is_final=any(map(_is_daily, details)))


def _details_in(body: bytes) -> Iterator[dict[str, Any]]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(told, list) and told:
        told = told[0]  # Google answers with a list if SSE was not agreed on
    error = told.get("error") if isinstance(told, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    yield from (detail for detail in _list(details) if isinstance(detail, dict))


def _is_daily(detail: dict[str, Any]) -> bool:
    violations = (v for v in _list(detail.get("violations")) if isinstance(v, dict))
    return any(_DAILY in str(violation.get("quotaId")) for violation in violations)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
