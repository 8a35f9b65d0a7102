"""A whole answer whose connection is kept alive while it is waited for, by white space before it.

Proxies cut a response that is silent for long. Once white space was sent the status is 200, so what
fails later is told by the body alone: it is the problem document, with the status it would have
had.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import structlog
from flask import Response, g

from routes.hooks.problems import problem_of
from routes.hooks.proxies import path_here
from routes.transports.payloads import Payload
from routes.transports.whole_json import WholeAnswer
from services.domain.deliveries import EventStream
from services.domain.errors.base import CharlaError
from services.domain.runs import Run

_WHITE_SPACE = b" "
_FAILED = CharlaError("The server failed; its log knows more under the request id.")

Tell = Callable[[CharlaError], bytes]
"""Writes the problem document of an error, for a request whose context has ended by then."""

Write = Callable[[Payload], str]
"""Writes an answer as JSON."""

log = structlog.get_logger(__name__)


def kept_answer(run: Run, events: EventStream, seconds: float, write: Write) -> Payload | Response:
    """Give the answer if it is there within so many seconds, else a response that waits for it.

    Raises RunFailed where the run fails within that time.
    """
    with ExitStack() as undo:
        answer = WholeAnswer(run, events)
        undo.callback(answer.close)
        payload = answer.wait(seconds)
        if payload is not None:
            return payload
        undo.pop_all()
    told = partial(_told, request_id=g.get("request_id"), root=path_here(""))
    body = _body(answer, seconds, write, told)
    response = Response(body, content_type="application/json")
    response.call_on_close(answer.close)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep the white space to itself
    return response


def _body(answer: WholeAnswer, seconds: float, write: Write, told: Tell) -> Iterator[bytes]:
    payload = None
    while payload is None:
        yield _WHITE_SPACE
        try:
            payload = answer.wait(seconds)
        except CharlaError as error:
            yield told(error)
            return
        except Exception as exc:
            log.exception("unhandled_error", exc_info=exc)
            yield told(_FAILED)
            return
    yield write(payload).encode()


def _told(error: CharlaError, request_id: str | None, root: str) -> bytes:
    return json.dumps(problem_of(error).document(request_id, root), default=str).encode()
