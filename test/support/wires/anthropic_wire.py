"""Anthropic's streaming Messages, spoken well or badly; `wires/server.py` serves them."""

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


def told(kind: str, **fields: object) -> bytes:
    """Make a frame; its name is also in its data."""
    return event({"type": kind, **fields}, kind)


def start(**usage: object) -> bytes:
    """Make the first frame."""
    message = {"id": "msg_wire", "type": "message", "role": "assistant", "model": "wire"}
    unset = {"stop_reason": None, "stop_sequence": None, "usage": usage or None}
    return told("message_start", message={**message, "content": [], **unset})


def delta(index: int = 0, **fields: object) -> bytes:
    """Make a frame with a piece of a block; `type` says what it is a piece of."""
    return told("content_block_delta", index=index, delta=fields)


def say(text: str, index: int = 0) -> bytes:
    """Make a frame with a piece of the answer."""
    return delta(index, type="text_delta", text=text)


def block(kind: str, index: int, pieces: Sequence[Step], **fields: object) -> list[Step]:
    """Put pieces between the beginning and the end of their block."""
    begin = told("content_block_start", index=index, content_block={"type": kind, **fields})
    return [begin, *pieces, told("content_block_stop", index=index)]


def end(reason: str | None, **usage: object) -> bytes:
    """Make the frame that says why the answer ends; its figures are of the whole answer."""
    changed = {"stop_reason": reason, "stop_sequence": None}
    return told("message_delta", delta=changed, usage=usage or None)


def error_event(kind: str = "overloaded_error") -> bytes:
    """Make an error in the middle of a stream."""
    message = f"Broke, key={KEY_IN_ERRORS}"
    return told("error", error={"type": kind, "message": message}, request_id="req_wire")


def refuse(message: str, status: int = 500, code: str | None = None) -> Answer:
    """Refuse as Anthropic does: `code` is in the details."""
    said: dict[str, object] = {"type": "wire_error", "message": message}
    if code:
        said["details"] = {"error_code": code}
    return json_answer({"type": "error", "error": said, "request_id": "req_wire"}, status)


def words_in_one_block(pieces: Sequence[Step]) -> list[Step]:
    """Make an answer up to its end, with only text."""
    return [START, PING, *block("text", 0, pieces, text="")]


def thinking() -> list[Step]:
    """Think aloud in the first block, and silently in the second."""
    aloud = [
        delta(type="thinking_delta", thinking=THOUGHT),
        delta(type="signature_delta", signature="x"),
    ]
    said = [say(word, 2) for word in WORDS]
    return [
        START,
        *block("thinking", 0, aloud, thinking="", signature=""),
        *block("redacted_thinking", 1, [], data="x"),
        *block("text", 2, said, text=""),
    ]


def with_tools() -> list[Step]:
    """Make an answer, followed by a call of a tool that was not offered."""
    called = [delta(1, type="input_json_delta", partial_json='{"text": "OTHER"}')]
    more = {"id": "toolu_wire", "name": "tell", "input": {}, "text": "OTHER", "thinking": 1}
    return [*HELLO, *block("tool_use", 1, called, **more)]


def unnamed(steps: Sequence[Step]) -> list[Step]:
    """Leave the names of the events out; they are in the data too."""
    return [step[step.index(b"data:") :] for step in steps if isinstance(step, bytes)]


def ended_by(reason: str, said: Sequence[Step] = ()) -> Answer:
    """Make an answer that ends for a reason, without figures."""
    return Answer([*(said or HELLO), end(reason), STOP])


def counted(begun: dict[str, object], *ends: dict[str, object]) -> Answer:
    """Make an answer with figures of its own."""
    said: list[Step] = [start(**begun), *HELLO[1:]]
    return Answer([*said, *(end("end_turn", **usage) for usage in ends), STOP])


BEGUN = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 4,
    "output_tokens": 1,
    "service_tier": "standard",
}
ENDED = {"output_tokens": 6, "output_tokens_details": {"thinking_tokens": 2}}
START = start(**BEGUN)
PING = told("ping")
SAID: list[Step] = [say(word) for word in WORDS]
HELLO = words_in_one_block(SAID)
FINISH = end("end_turn", **ENDED)
STOP = told("message_stop")
END: list[Step] = [FINISH, STOP]
PLAIN: list[Step] = [*HELLO, *END]
LIMITED = {"Retry-After": "7"}
ODD: list[Step] = [
    b": a comment\r\n\r\nretry: 5\nid: 9\nfoo\n\n",
    event({"type": "something_else", "delta": {}}, "something_else"),
    event([1, 2], "unknown_event"),
    event({"type": "content_block_start", "content_block": "none"}, "content_block_start"),
    event({"delta": None, "x": {}}),
    delta(type="citations_delta", citation={"deep": [1, 2.5, None, True]}),
    told("message_delta", delta=None, usage="many"),
]


def pings() -> Iterator[Step]:
    """Send pings and nothing else, for ever."""
    while True:
        yield PING
        yield 0.05


SCENARIOS: dict[str, Callable[[], Answer]] = {
    "plain": lambda: Answer(PLAIN),
    "close-delimited": lambda: Answer(PLAIN, chunked=False),
    "one-byte-each": lambda: Answer(one_byte_each(PLAIN)),
    "one-piece": lambda: Answer(one_piece(PLAIN)),
    "crlf": lambda: Answer(with_crlf(PLAIN)),
    "slow": lambda: Answer(slowly(PLAIN)),
    "reasoning": lambda: Answer([*thinking(), *END]),
    "text-at-start": lambda: Answer([START, *block("text", 0, SAID[1:], text=WORDS[0]), *END]),
    "length": lambda: ended_by("max_tokens"),
    "window": lambda: ended_by("model_context_window_exceeded"),
    "filter": lambda: ended_by("refusal", words_in_one_block(SAID[:2])),
    "refusal": lambda: ended_by("refusal", words_in_one_block([say("I will"), say(" not.")])),
    "tool-calls": lambda: Answer([*with_tools(), end("tool_use", **ENDED), STOP]),
    "paused": lambda: ended_by("pause_turn"),
    "stop-sequence": lambda: ended_by("stop_sequence"),
    "new-reason": lambda: ended_by("something_else"),
    "zero-usage": lambda: counted({"input_tokens": 0, "output_tokens": 1}, {"output_tokens": 0}),
    "no-usage": lambda: counted({}, {}),
    "no-output-usage": lambda: counted(BEGUN, {}),
    "no-input-usage": lambda: counted({"output_tokens": 1}, ENDED),
    "usage-64-bits": lambda: counted(BEGUN, {"output_tokens": 2**64 - 1}),
    "usage-10-30": lambda: counted({"input_tokens": 10**30}, ENDED),
    "usage-negative": lambda: counted(BEGUN, {"output_tokens": -1}),
    "usage-cached": lambda: counted({**BEGUN, "cache_read_input_tokens": 2**31 - 1}, ENDED),
    "usage-reasoning": lambda: counted(
        BEGUN, {"output_tokens": 6, "output_tokens_details": {"thinking_tokens": -1}}
    ),
    "usage-at-the-bound": lambda: counted({"input_tokens": 2**31 - 1}, {"output_tokens": 0}),
    "usage-corrected": lambda: counted(BEGUN, ENDED, {"output_tokens": 2**63}),
    "usage-at-the-end": lambda: counted(BEGUN, {**ENDED, "input_tokens": 6, "output_tokens": 9}),
    "no-done": lambda: Answer([*HELLO, FINISH]),
    "only-done": lambda: Answer([*HELLO, STOP]),
    "more-after-done": lambda: Answer(one_piece([*PLAIN, say("OTHER")])),
    "open-end": lambda: Answer([*PLAIN, FOREVER]),
    "empty": lambda: Answer([*words_in_one_block([]), *END]),
    "no-content": lambda: Answer([START, *END]),
    "odd": lambda: Answer([*ODD, *HELLO, *ODD, *END]),
    "unnamed": lambda: Answer(unnamed(PLAIN)),
    "surrogate": lambda: Answer([say("a@b").replace(b"@", b"\\ud800"), *END]),
    "nul": lambda: Answer([*words_in_one_block([say("a\0b")]), *END]),
    "error-first": lambda: Answer([START, PING, error_event(), FOREVER]),
    "error-later": lambda: Answer([*HELLO, error_event(), FOREVER]),
    "error-event": lambda: Answer([*HELLO, b"event: error\ndata: Broke.\n\n", FOREVER]),
    "error-of-nothing": lambda: Answer([*HELLO, event({"type": "error", "error": None}), FOREVER]),
    "limited-first": lambda: Answer([error_event("rate_limit_error"), FOREVER]),
    "limited-later": lambda: Answer([*HELLO, error_event("rate_limit_error"), FOREVER]),
    "malformed": lambda: Answer(
        [*HELLO, b'event: content_block_delta\ndata: {"type":"cont\n\n', FOREVER]
    ),
    "shapeless": lambda: Answer([*HELLO, told("content_block_delta", delta="many"), FOREVER]),
    "endless-line": lambda: Answer([b"data: ", *[b"x" * (1 << 16)] * 18, FOREVER]),
    "no-finish": lambda: Answer(HELLO),
    "cut": lambda: Answer([*HELLO, "cut"]),
    "cut-after-finish": lambda: Answer([*HELLO, FINISH, "cut"]),
    "close": lambda: Answer(HELLO, chunked=False),
    "stall": lambda: Answer([*HELLO, FOREVER]),
    "stall-first": lambda: Answer([FOREVER]),
    "pings": lambda: Answer(pings()),
    "html": lambda: Answer([b"<h1>Hello</h1>"], content_type="text/html"),
    "redirect": lambda: Answer([], 307, {"Location": "/elsewhere"}),
    "rate-limited": lambda: Answer(refuse("Slow down.", 429).steps, 429, LIMITED),
    "quota": lambda: refuse("Your credit balance is too low to access the API.", 400),
    "spent": lambda: refuse("It is spent.", 429, "enforced_spend_limit_reached"),
    "talkative": lambda: refuse(f"At https://u:p@host/: {KEY_IN_ERRORS} " + "x" * 999, 400),
}


def words(count: int, gap: float) -> Answer:
    """Say the same word again and again."""
    said: list[Step] = [say(" word"), gap]
    return Answer([*words_in_one_block(said * count), *END])


def models(names: Sequence[str]) -> object:
    """List models, the last of them out of service."""
    fields = {"type": "model", "display_name": "Wire", "created_at": "2026-01-01T00:00:00Z"}
    listed = [{**fields, "id": name, "lifecycle": "active"} for name in names]
    retired = {**fields, "id": "retired", "lifecycle": "retired"}
    ends = {"first_id": names[0], "last_id": "retired", "has_more": False}
    return {"data": [*listed, retired], **ends}


FORMAT = Format(scenarios=SCENARIOS, words=words, refuse=refuse, models=models)
