"""Embeddings as OpenAI and Gemini give them, well or badly; `wires/server.py` serves them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wires import gemini_wire, openai_wire
from wires.steps import FOREVER, Answer, Step, json_answer

DIMENSIONS = 8
"""How long a vector is if a request does not say."""

REPORTED_TOKENS = 12

OPENAI = re.compile(r"/embeddings$")
GEMINI = re.compile(r"/v1beta/models/(?P<model>[^/:]+):batchEmbedContents$")

Body = Mapping[str, Any]
Vectors = list[list[float]]
Write = Callable[[Vectors, object], dict[str, Any]]


def answer(path: str, body: Body) -> Answer | None:
    """Answer if the path asks for embeddings; the model's name says how."""
    if OPENAI.search(path):
        length = body.get("dimensions", DIMENSIONS)
        made = vectors_of(body["input"], length)
        return _play(str(body["model"]), made, _openai, openai_wire.FORMAT.refuse)
    if found := GEMINI.search(path):
        requests = body["requests"]
        texts = [part["text"] for one in requests for part in one["content"]["parts"]]
        length = requests[0].get("outputDimensionality", DIMENSIONS)
        return _play(found["model"], vectors_of(texts, length), _gemini, gemini_wire.FORMAT.refuse)
    return None


def vectors_of(texts: Sequence[str], length: int = DIMENSIONS) -> Vectors:
    """Make vectors that differ from text to text; none has the length 1."""
    return [
        [
            float(sum(ord(char) * (n + i) for n, char in enumerate(text)) % 97) - 40
            for i in range(length)
        ]
        for text in texts
    ]


def _openai(vectors: Vectors, tokens: object) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": number, "embedding": vector}
        for number, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": "wire"} | (
        {"usage": usage} if tokens is not None else {}
    )


def _gemini(vectors: Vectors, tokens: object) -> dict[str, Any]:
    usage = {"usageMetadata": {"promptTokenCount": tokens}} if tokens is not None else {}
    return {"embeddings": [{"values": vector} for vector in vectors], **usage}


def _play(
    model: str, made: Vectors, write: Write, refuse: Callable[[str, int, str | None], Answer]
) -> Answer:
    if model.startswith("status-"):
        return refuse("The wire says no.", int(model.removeprefix("status-")), None)
    if model not in SCENARIOS:
        return refuse(f"The model `{model}` does not exist.", 404, "model_not_found")
    return SCENARIOS[model](made, write)


def _changed(change: Callable[[list[float]], list[float]]) -> Callable[[Vectors, Write], Answer]:
    """Change the last vector of a good answer."""

    def play(made: Vectors, write: Write) -> Answer:
        return json_answer(write([*made[:-1], change(made[-1])], REPORTED_TOKENS))

    return play


def _reported(tokens: object) -> Callable[[Vectors, Write], Answer]:
    return lambda made, write: json_answer(write(made, tokens))


def _steps(
    *steps: Step, content_type: str = "application/json", **more: Any
) -> Callable[[Vectors, Write], Answer]:
    """Send these steps, whatever was asked for."""
    return lambda *_: Answer(list(steps), content_type=content_type, **more)


def _reversed(made: Vectors, write: Write) -> Answer:
    """Give OpenAI's items in another order: each item says which text it belongs to."""
    payload = write(made, REPORTED_TOKENS)
    payload["data"] = payload["data"][::-1]
    return json_answer(payload)


def _doubled(made: Vectors, write: Write) -> Answer:
    payload = write(made, REPORTED_TOKENS)
    payload["data"] = [payload["data"][0]] * len(made)
    return json_answer(payload)


SCENARIOS: dict[str, Callable[[Vectors, Write], Answer]] = {
    "plain": _reported(REPORTED_TOKENS),
    "gemini-embedding-2": _reported(REPORTED_TOKENS),
    "reversed": _reversed,
    "doubled": _doubled,
    "too-few": lambda made, write: json_answer(write(made[:-1], REPORTED_TOKENS)),
    "too-many": lambda made, write: json_answer(write([*made, made[0]], REPORTED_TOKENS)),
    "too-short": _changed(lambda vector: vector[:-1]),
    "empty-vector": _changed(lambda _: []),
    "zeros": _changed(lambda vector: [0.0] * len(vector)),
    "enormous": _changed(lambda vector: [1e200] * len(vector)),
    "no-usage": _reported(None),
    "no-usage-negative": _reported(-1),
    "no-usage-enormous": _reported(2**40),
    "zero-usage": _reported(0),
    "malformed": _steps(b'{"data": ['),
    "shapeless": _steps(json.dumps({"data": "many", "embeddings": "many"}).encode()),
    "wordy": _steps(
        json.dumps(
            {
                "data": [{"index": 0, "embedding": ["one"]}],
                "embeddings": [{"values": ["one"]}],
            }
        ).encode()
    ),
    "html": _steps(b"<h1>Hello</h1>", content_type="text/html"),
    "cut": _steps(b'{"data": [', "cut"),
    "stall": _steps(b'{"data": [', FOREVER),
    "redirect": _steps(status=307, headers={"Location": "/elsewhere"}),
}
