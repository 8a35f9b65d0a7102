"""Log lines: structured, in one format for ours and the libraries', without secrets or content."""

import logging
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import ExcInfo, Processor

from services.telemetry.log_text import escape_controls, indented_traceback, shortened
from services.telemetry.output import Output

HIDDEN = "[hidden]"
SECRET_NAMES = (
    "api_key",
    "authorization",
    "cookie",
    "jwt",
    "password",
    "secret",
    "token",
)
"""The value of a key that contains one of these words must not be logged."""

CONTENT_NAMES = frozenset(
    {"body", "content", "full_content", "messages", "prompt", "query", "text"}
)
"""What people write to a model is theirs: the values of these keys are not logged."""

_transformed = ExceptionDictTransformer(show_locals=False)

COUNTS = ("_tokens", "_estimate")
"""`input_tokens` is a number, not a token."""

_REMEMBERED = 256
"""Names of keys; to judge the ten of a request anew was a tenth of all calls of a short one."""


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send all log lines to `stream` (standard error), as `json` or for a `console`.

    Lines of libraries go the same way. Call it once a process; a second call starts anew.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler: logging.Handler = logging.StreamHandler(stream or Output(2))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_ending(style),
            ],
        )
    )
    # No line tells them; asked for the name of its thread gevent makes one up for every greenlet.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # httpx writes a line for every call of the database.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


def hide_secrets(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of keys that name secrets or content, at any depth; shorten long texts."""
    for name, value in line.items():
        line[name] = _shown(name, value)
    return line


def _shown(name: str, value: Any) -> Any:
    if _is_hidden(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _shown(str(key), inner) for key, inner in value.items()}
    return shortened(value) if isinstance(value, str) else value


@lru_cache(maxsize=_REMEMBERED)
def _is_hidden(name: str) -> bool:
    folded = name.casefold()
    if folded in CONTENT_NAMES:
        return True
    return any(word in folded for word in SECRET_NAMES) and not folded.endswith(COUNTS)


def _ending(style: str) -> list[Processor]:
    # Both styles' own tracebacks show local variables, and with them what people said.
    if style == "json":
        return [
            structlog.processors.ExceptionRenderer(_told),
            structlog.processors.JSONRenderer(default=str),  # it escapes all that is not ASCII
        ]
    return [
        escape_controls,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=indented_traceback),
    ]


def _told(exc_info: ExcInfo) -> list[dict[str, Any]]:
    told = _transformed(exc_info)
    for error in told:
        error["exc_value"] = shortened(error["exc_value"])
    return told
