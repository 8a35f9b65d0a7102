"""OpenAI's streaming chat completions, spoken well or badly; `wires/server.py` serves them."""

import json
from collections.abc import Callable, Iterator, Sequence

from wires.steps import (
    FOREVER,
    KEY_IN_ERRORS,
    THOUGHT,
    WORDS,
    Answer,
    Format,
    Step,
    event,
    json_answer,
    one_byte_each,
    one_piece,
    slowly,
    with_crlf,
)


def _chunk(**fields: object) -> dict[str, object]:
    head = {"id": "chatcmpl-wire", "object": "chat.completion.chunk", "created": 1, "model": "wire"}
    return {**head, "system_fingerprint": "fp_0", "service_tier": "default", **fields}


def delta(reason: str | None = None, **fields: object) -> bytes:
    """Make a frame with a piece of the answer."""
    choice = {"index": 0, "delta": fields, "logprobs": None, "finish_reason": reason}
    return event(_chunk(choices=[choice]))


def usage(tokens_in: int, tokens_out: int, cached: int = 0, reasoning: int = 0) -> bytes:
    """Make the last frame before [DONE]."""
    counted = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return event(_chunk(choices=[], usage=counted))


def error(message: str, status: int = 500, code: str | None = None) -> Answer:
    """Refuse as OpenAI does."""
    body = {"error": {"message": message, "type": "wire_error", "param": None, "code": code}}
    return json_answer(body, status)


def further(reason: str | None = None, **fields: object) -> dict[str, object]:
    """Make a piece of a second answer, which was not asked for."""
    return {"index": 1, "delta": fields, "logprobs": None, "finish_reason": reason}


def two_choices() -> list[Step]:
    """Make an answer with a second one mixed in, in frames of its own and in shared frames."""
    shared = [further(content="OTHER"), {"index": 0, "delta": {"content": WORDS[-1]}}]
    others = (further(content="OTHER"), further(reasoning_content="OTHER"), further("length"))
    mixed = [event(_chunk(choices=[other])) for other in others]
    return [ROLE, *mixed, *HELLO[1:-1], *mixed, event(_chunk(choices=shared)), *END, *mixed]


DONE = b"data: [DONE]\n\n"
ROLE = delta(role="assistant", content="", refusal=None)
HELLO: list[Step] = [ROLE, *(delta(content=word) for word in WORDS)]
STOP = delta("stop")
END: list[Step] = [STOP, usage(12, 6, 4, 2), DONE]
LIMITED = {"Retry-After": "7"}
ERROR = {"error": {"message": f"Broke, key={KEY_IN_ERRORS}", "type": "server_error", "code": None}}
ODD: list[Step] = [
    b": a comment\r\n\r\nretry: 5\nid: 9\nfoo\n\n",
    event({"object": "something.else", "choices": None}),
    event([1, 2], "unknown.event"),
    event({"choices": [{"delta": None, "x": {}}], "usage": None, "error": None}),
    event({"choices": [], "usage": "many", "new": [{"deep": [1, 2.5, None, True]}]}),
]


BARE = {"error": f"model runner has stopped, key={KEY_IN_ERRORS}"}
"""Ollama's way."""
BARE_LINE = json.dumps(BARE, separators=(",", ":")).encode()
LLAMA_LINE = b'error: {"code":500,"message":"Broke.","type":"server_error"}\n\n'
NDJSON = "application/x-ndjson"


def pings() -> Iterator[Step]:
    """Send comments and nothing else, for ever."""
    while True:
        yield b": ping\n\n"
        yield 0.05


SCENARIOS: dict[str, Callable[[], Answer]] = {
    "plain": lambda: Answer([*HELLO, *END]),
    "close-delimited": lambda: Answer([*HELLO, *END], chunked=False),
    "one-byte-each": lambda: Answer(one_byte_each([*HELLO, *END])),
    "one-piece": lambda: Answer(one_piece([*HELLO, *END])),
    "crlf": lambda: Answer(with_crlf([*HELLO, *END])),
    "slow": lambda: Answer(slowly([*HELLO, *END])),
    "reasoning": lambda: Answer([delta(reasoning_content=THOUGHT), *HELLO, *END]),
    "reasoning-field": lambda: Answer([delta(reasoning=THOUGHT), *HELLO, *END]),
    "length": lambda: Answer([*HELLO, delta("length"), DONE]),
    "filter": lambda: Answer([*HELLO[:3], delta("content_filter"), DONE]),
    "refusal": lambda: Answer([ROLE, delta(refusal="I will"), delta(refusal=" not."), *END]),
    "tool-calls": lambda: Answer([*HELLO, delta("tool_calls"), DONE]),
    "zero-usage": lambda: Answer([*HELLO, STOP, usage(0, 0), DONE]),
    "usage-64-bits": lambda: Answer([*HELLO, STOP, usage(12, 2**64 - 1), DONE]),
    "usage-10-30": lambda: Answer([*HELLO, STOP, usage(10**30, 6), DONE]),
    "usage-negative": lambda: Answer([*HELLO, STOP, usage(12, -1), DONE]),
    "usage-cached": lambda: Answer([*HELLO, STOP, usage(12, 6, cached=2**31), DONE]),
    "usage-reasoning": lambda: Answer([*HELLO, STOP, usage(12, 6, reasoning=-1), DONE]),
    "usage-at-the-bound": lambda: Answer([*HELLO, STOP, usage(2**31 - 1, 0), DONE]),
    "usage-corrected": lambda: Answer([*HELLO, STOP, usage(12, 6), usage(2**63, 6), DONE]),
    "two-choices": lambda: Answer(two_choices()),
    "no-usage": lambda: Answer([*HELLO, STOP, DONE]),
    "no-done": lambda: Answer([*HELLO, STOP, usage(12, 6, 4, 2)]),
    "only-done": lambda: Answer([*HELLO, DONE]),
    "open-end": lambda: Answer([*HELLO, *END, FOREVER]),
    "empty": lambda: Answer([ROLE, *END]),
    "odd": lambda: Answer([*ODD, *HELLO, *ODD, *END]),
    "surrogate": lambda: Answer(
        [b'data: {"choices":[{"delta":{"content":"a\\ud800b"}}]}\n\n', *END]
    ),
    "nul": lambda: Answer([delta(content="a\0b"), *END]),
    "error-first": lambda: Answer([ROLE, event(ERROR), FOREVER]),
    "error-later": lambda: Answer([*HELLO, event(ERROR), FOREVER]),
    "error-event": lambda: Answer([*HELLO, event({"message": "Broke."}, "error"), FOREVER]),
    "malformed": lambda: Answer([*HELLO, b'data: {"choices": [\n\n', FOREVER]),
    "shapeless": lambda: Answer([*HELLO, event({"choices": "many"}), FOREVER]),
    "endless-line": lambda: Answer([b"data: ", *[b"x" * (1 << 16)] * 18, FOREVER]),
    "no-finish": lambda: Answer([*HELLO]),
    "cut": lambda: Answer([*HELLO, "cut"]),
    "cut-after-finish": lambda: Answer([*HELLO, STOP, "cut"]),
    "close": lambda: Answer([*HELLO], chunked=False),
    "stall": lambda: Answer([*HELLO, FOREVER]),
    "stall-first": lambda: Answer([FOREVER]),
    "pings": lambda: Answer(pings()),
    "bare-json": lambda: json_answer(BARE),
    "bare-line": lambda: Answer([BARE_LINE, b"\n"], content_type=NDJSON),
    "bare-line-open": lambda: Answer([BARE_LINE], content_type=NDJSON),
    "bare-line-later": lambda: Answer([*HELLO, BARE_LINE, b"\n", FOREVER]),
    "error-field": lambda: Answer([*HELLO, LLAMA_LINE, DONE, FOREVER]),
    "json": lambda: json_answer({"choices": [{"message": {"content": "Hello"}}]}),
    "html": lambda: Answer([b"<h1>Hello</h1>"], content_type="text/html"),
    "redirect": lambda: Answer([], 307, {"Location": "/elsewhere"}),
    "rate-limited": lambda: Answer(error("Slow down.", 429).steps, 429, LIMITED),
    "quota": lambda: error("You have used it up.", 429, "insufficient_quota"),
    "talkative": lambda: error(f"At https://u:p@host/: {KEY_IN_ERRORS} " + "x" * 999, 400),
}


def words(count: int, gap: float) -> Answer:
    """Say the same word again and again."""
    said: list[Step] = [delta(content=" word"), gap]
    return Answer([ROLE, *(said * count), *END])


def models(names: Sequence[str]) -> object:
    """List models."""
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


FORMAT = Format(scenarios=SCENARIOS, words=words, refuse=error, models=models)
