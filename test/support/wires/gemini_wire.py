"""Gemini's `streamGenerateContent?alt=sse`, spoken well or badly; `wires/server.py` serves it."""

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

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
RPC = "type.googleapis.com/google.rpc."


def counted(tokens_in: int, tokens_out: int | None = None, **more: int) -> dict[str, object]:
    """Make a usage; Google leaves out what is not known yet."""
    figures: dict[str, object] = {"promptTokenCount": tokens_in}
    if tokens_out is not None:
        figures["candidatesTokenCount"] = tokens_out
    of_prompt = [{"modality": "TEXT", "tokenCount": tokens_in}]
    total = {"totalTokenCount": tokens_in + (tokens_out or 0)}
    return {**figures, **total, "promptTokensDetails": of_prompt, **more}


SO_FAR = counted(12)
USED = counted(12, 4, thoughtsTokenCount=2, cachedContentTokenCount=4)


def chunk(usage: object = SO_FAR, **fields: object) -> bytes:
    """Make a frame."""
    counts = {} if usage is None else {"usageMetadata": usage}
    return event({**fields, **counts, "modelVersion": "wire", "responseId": "wire"})


def parts(*told: object, reason: str | None = None, usage: object = SO_FAR) -> bytes:
    """Make a frame with parts of the answer."""
    ended = {"finishReason": reason} if reason else {}
    candidate = {"content": {"parts": told, "role": "model"}, **ended, "index": 0}
    return chunk(usage, candidates=[candidate])


def say(text: str, reason: str | None = None, usage: object = SO_FAR) -> bytes:
    """Make a frame with a piece of the answer."""
    return parts({"text": text}, reason=reason, usage=usage)


def think(text: str) -> bytes:
    """Make a frame with a thought."""
    return parts({"text": text, "thought": True})


def end(reason: str | None, usage: object = USED) -> bytes:
    """Make the last frame."""
    return parts({"text": "", "thoughtSignature": "AY8="}, reason=reason, usage=usage)


def error(message: str, status: int = 500, _code: str | None = None, *details: object) -> Answer:
    """Refuse as Google does."""
    named = STATUSES.get(status, "UNKNOWN")
    told = {"code": status, "message": message, "status": named, "details": details}
    return json_answer({"error": told}, status)


def key_refused() -> Answer:
    """Refuse the key, which Google calls a bad argument."""
    told = {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    return error(f"API key not valid: {KEY_IN_ERRORS}", 400, None, told)


def limited(quota: str, delay: str) -> Answer:
    """Limit, with the delay in the place where Google puts it."""
    violation = {"quotaId": quota, "quotaValue": "10"}
    failure = {"@type": f"{RPC}QuotaFailure", "violations": [violation]}
    retry = {"@type": f"{RPC}RetryInfo", "retryDelay": delay}
    return error("You exceeded your current quota.", 429, None, failure, retry)


def further(text: str, **more: object) -> dict[str, object]:
    """Make a piece of a second answer, which was not asked for."""
    told = [{"text": text}, {"text": text, "thought": True}]
    return {"content": {"parts": told, "role": "model"}, "index": 1, **more}


def two_choices() -> list[Step]:
    """Make an answer with a second one mixed in, in frames of its own and in shared frames."""
    last = {"content": {"parts": [{"text": WORDS[-1]}]}}
    other = chunk(candidates=[further("OTHER")])
    ended = chunk(USED, candidates=[further("OTHER", finishReason="MAX_TOKENS")])
    shared = chunk(candidates=[further("OTHER"), last])
    return [other, *HELLO[:-1], shared, other, *END, ended]


HELLO: list[Step] = [say(word) for word in WORDS]
UNCOUNTED: list[Step] = [say(word, usage=None) for word in WORDS]
STOP = end("STOP")
END: list[Step] = [STOP]
LIMITED = {"Retry-After": "7"}
ERROR = {"error": {"code": 503, "message": f"Broke, key={KEY_IN_ERRORS}", "status": "UNAVAILABLE"}}
ODD: list[Step] = [
    b": a comment\r\n\r\nretry: 5\nid: 9\nfoo\n\n",
    event({"object": "something.else", "candidates": None}),
    event([1, 2], "unknown.event"),
    event({"candidates": [{"content": None, "x": {}}], "usageMetadata": None, "error": None}),
    event({"candidates": [{"content": {"role": "model"}, "finishReason": None, "index": None}]}),
    parts({"functionCall": {"name": "f", "args": {}}}, {"inlineData": {"data": "AAAA"}}),
    event({"candidates": [], "usageMetadata": "many", "new": [{"deep": [1, 2.5, None, True]}]}),
    event({"promptFeedback": {"safetyRatings": []}, "usageMetadata": {"trafficType": "ON_DEMAND"}}),
]
SURROGATE = b'data: {"candidates":[{"content":{"parts":[{"text":"a\\ud800b"}]}}]}\n\n'
SURROGATE_AND_END = SURROGATE.replace(
    b"}]}\n", b',"finishReason":"STOP"}],"usageMetadata":%s}\n' % json.dumps(USED).encode()
)


def pings() -> Iterator[Step]:
    """Send comments and nothing else, for ever."""
    while True:
        yield b": ping\n\n"
        yield 0.05


def ended_by(reason: str, usage: object = USED) -> Answer:
    """Make an answer that ends for a reason, with a usage."""
    return Answer([*HELLO, end(reason, usage)])


SCENARIOS: dict[str, Callable[[], Answer]] = {
    "plain": lambda: Answer([*HELLO, *END]),
    "close-delimited": lambda: Answer([*HELLO, *END], chunked=False),
    "one-byte-each": lambda: Answer(one_byte_each([*HELLO, *END])),
    "one-piece": lambda: Answer(one_piece([*HELLO, *END])),
    "crlf": lambda: Answer(with_crlf([*HELLO, *END])),
    "slow": lambda: Answer(slowly([*HELLO, *END])),
    "reasoning": lambda: Answer([think(THOUGHT), *HELLO, *END]),
    "length": lambda: ended_by("MAX_TOKENS"),
    "filter": lambda: Answer([*HELLO[:2], chunk(candidates=[{"finishReason": "SAFETY"}])]),
    "refusal": lambda: Answer([chunk(promptFeedback={"blockReason": "PROHIBITED_CONTENT"})]),
    "tool-calls": lambda: ended_by("FUNCTION_CALL"),
    "other-reason": lambda: ended_by("OTHER"),
    "spoilt-first": lambda: Answer([end("MALFORMED_FUNCTION_CALL"), FOREVER]),
    "spoilt-later": lambda: Answer([*HELLO, end("MALFORMED_RESPONSE"), FOREVER]),
    "stop-in-each": lambda: Answer([say(word, "STOP") for word in WORDS]),
    "stop-too-early": lambda: Answer([end("STOP"), *HELLO, *END]),
    "cut-after-early-stop": lambda: Answer([end("STOP"), *HELLO, "cut"]),
    "unspecified": lambda: Answer([say(word, "FINISH_REASON_UNSPECIFIED") for word in WORDS]),
    "zero-usage": lambda: Answer([*UNCOUNTED, end("STOP", counted(0, 0))]),
    "usage-64-bits": lambda: ended_by("STOP", counted(12, 2**64 - 1)),
    "usage-10-30": lambda: ended_by("STOP", counted(10**30, 6)),
    "usage-negative": lambda: ended_by("STOP", counted(12, -1)),
    "usage-cached": lambda: ended_by("STOP", counted(12, 6, cachedContentTokenCount=2**31)),
    "usage-reasoning": lambda: ended_by("STOP", counted(12, 6, thoughtsTokenCount=-1)),
    "usage-at-the-bound": lambda: ended_by("STOP", counted(2**31 - 1, 0)),
    "usage-in-sum": lambda: ended_by("STOP", counted(12, 2**31 - 1, thoughtsTokenCount=1)),
    "usage-of-tools": lambda: ended_by("STOP", counted(12, 6, toolUsePromptTokenCount=3)),
    "usage-later": lambda: Answer([*HELLO, end("STOP", None), chunk(USED)]),
    "no-output-usage": lambda: ended_by("STOP", counted(12)),
    "only-thoughts": lambda: Answer(
        [think(THOUGHT), end("MAX_TOKENS", counted(12, thoughtsTokenCount=9))]
    ),
    "two-choices": lambda: Answer(two_choices()),
    "no-usage": lambda: Answer([*UNCOUNTED, end("STOP", None)]),
    "open-end": lambda: Answer([*HELLO, *END, FOREVER]),
    "empty": lambda: Answer(END),
    "odd": lambda: Answer([*ODD, *HELLO, *ODD, *END]),
    "surrogate": lambda: Answer([SURROGATE, *END]),
    "surrogate-at-the-end": lambda: Answer([SURROGATE_AND_END]),
    "nul": lambda: Answer([say("a\0b"), *END]),
    "error-first": lambda: Answer([event(ERROR), FOREVER]),
    "error-later": lambda: Answer([*HELLO, event(ERROR), FOREVER]),
    "error-event": lambda: Answer([*HELLO, event({"message": "Broke."}, "error"), FOREVER]),
    "malformed": lambda: Answer([*HELLO, b'data: {"candidates": [\n\n', FOREVER]),
    "shapeless": lambda: Answer([*HELLO, event({"candidates": "many"}), FOREVER]),
    "textless": lambda: Answer([*HELLO, parts({"text": 7}), FOREVER]),
    "endless-line": lambda: Answer([b"data: ", *[b"x" * (1 << 16)] * 18, FOREVER]),
    "no-finish": lambda: Answer([*HELLO]),
    "cut": lambda: Answer([*HELLO, "cut"]),
    "cut-with-usage": lambda: Answer([*HELLO, chunk(counted(12, 6)), "cut"]),
    "cut-after-finish": lambda: Answer([*HELLO, STOP, "cut"]),
    "close": lambda: Answer([*HELLO], chunked=False),
    "stall": lambda: Answer([*HELLO, FOREVER]),
    "stall-first": lambda: Answer([FOREVER]),
    "pings": lambda: Answer(pings()),
    "html": lambda: Answer([b"<h1>Hello</h1>"], content_type="text/html"),
    "html-503": lambda: Answer([b"<h1>Gr\xfc\xdfe</h1>"], 503, content_type="text/html"),
    "redirect": lambda: Answer([], 307, {"Location": "/elsewhere"}),
    "key-refused": key_refused,
    "rate-limited": lambda: Answer(error("Slow down.", 429).steps, 429, LIMITED),
    "limited": lambda: limited("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "7s"),
    "quota": lambda: limited("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "31.5s"),
    "talkative": lambda: error(f"At https://u:p@host/: {KEY_IN_ERRORS} " + "x" * 999, 400),
}


def words(count: int, gap: float) -> Answer:
    """Say the same word again and again."""
    said: list[Step] = [say(" word"), gap]
    return Answer([*(said * count), *END])


def models(names: Sequence[str]) -> object:
    """List models, and a model that writes no text."""
    can = ["generateContent", "countTokens"]
    writers = [{"name": f"models/{name}", "supportedGenerationMethods": can} for name in names]
    embedder = {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]}
    return {"models": [*writers, embedder]}


FORMAT = Format(scenarios=SCENARIOS, words=words, refuse=error, models=models)
