"""What is logged, and what never is."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.telemetry import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_and_what_is_bound(stream: io.StringIO) -> None:
    logs.configure("info", "json", stream)
    structlog.contextvars.clear_contextvars()  # other tests have bound theirs
    structlog.contextvars.bind_contextvars(request_id="abc")

    structlog.get_logger("charla").info("run_ended", run_id="r1", total_ms=12)

    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "run_ended",
        "level": "info",
        "logger": "charla",
        "request_id": "abc",
        "run_id": "r1",
        "total_ms": 12,
    }


def test_a_librarys_line_looks_the_same(stream: io.StringIO) -> None:
    logs.configure("info", "json", stream)

    logging.getLogger("gunicorn.error").warning("worker %s is slow", 7)

    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("worker 7 is slow", "warning")
    assert line["logger"] == "gunicorn.error"


def test_secrets_and_content_are_not_written(stream: io.StringIO) -> None:
    logs.configure("info", "json", stream)

    structlog.get_logger().info(
        "request",
        password="hush",
        refresh_token="hush",
        Authorization="Bearer hush",
        OPENAI_API_KEY="hush",
        content="hush",
        headers={"Cookie": "hush", "Accept": "text/html"},
        input_tokens=5,
        token_estimate=6,
    )

    (line,) = lines(stream)
    assert "hush" not in stream.getvalue()
    assert line["headers"]["Accept"] == "text/html"
    assert (line["input_tokens"], line["token_estimate"]) == (5, 6)


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    logs.configure("warning", "json", stream)

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(stream)] == ["loud"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_local_variable(stream: io.StringIO, style: str) -> None:
    logs.configure("info", style, stream)

    said = "what somebody "

    def fail(heard: str) -> None:
        raise ValueError(len(heard))

    try:
        fail(said + "told a model")
    except ValueError as exc:
        structlog.get_logger().error("unhandled_error", exc_info=exc)

    assert "ValueError" in stream.getvalue()
    assert "what somebody told" not in stream.getvalue()


def test_configuring_again_writes_each_line_once(stream: io.StringIO) -> None:
    logs.configure("info", "json", io.StringIO())
    logs.configure("info", "json", stream)

    structlog.get_logger().info("once")

    assert len(lines(stream)) == 1


HOSTILE = "/a\x1b[2J\x9b31m\r\n2026-11-30T00:00:00Z [info     ] forged\u202e\u2028\u200bé"


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_control_character_reaches_a_terminal(stream: io.StringIO, style: str) -> None:
    logs.configure("info", style, stream)
    log = structlog.get_logger("charla")

    log.info(HOSTILE, path=HOSTILE, nested={"x": [HOSTILE]}, **{HOSTILE: 1})
    logging.getLogger("library").warning("lost %s", HOSTILE)
    log.error("failed", exc_info=ValueError(HOSTILE))
    logging.getLogger("library").error("failed", exc_info=ValueError(HOSTILE))

    written = stream.getvalue()
    assert written.replace("\n", "").isprintable()
    assert not any(line.startswith("2026-11-30T00") for line in written.splitlines())
    assert "\\x1b[2J" in written or "\\u001b[2J" in written


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_value_is_endless(stream: io.StringIO, style: str) -> None:
    logs.configure("info", style, stream)

    logging.getLogger("library").warning("x" * 1_000_000)
    error = ValueError("x" * 1_000_000)
    structlog.get_logger("charla").error("failed", path="x" * 1_000_000, exc_info=error)

    assert len(stream.getvalue()) < 10_000
    assert "998000 more" in stream.getvalue()
