"""What the vendors' answers look like on the wire: as many fields as the real answers have."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

GEMINI_PATH = re.compile(r"/models/([^/:]+):streamGenerateContent")


class Format(ABC):
    """One vendor's frames."""

    @abstractmethod
    def head(self, model: str) -> bytes:
        """Give what comes before the first piece; it may be empty."""

    @abstractmethod
    def piece(self, model: str, text: str) -> bytes:
        """Give a piece of the answer."""

    @abstractmethod
    def end(self, model: str, chunks: int) -> bytes:
        """Give what comes after so many pieces, including the usage."""


class OpenAIFormat(Format):
    """Chat completions, as OpenAI and local servers stream them."""

    def head(self, model: str) -> bytes:
        """Give the role."""
        return self._event(model, {"role": "assistant", "content": ""})

    def piece(self, model: str, text: str) -> bytes:
        """Give a delta."""
        return self._event(model, {"content": text})

    def end(self, model: str, chunks: int) -> bytes:
        """Give the reason, then the usage without a choice, then the end."""
        tokens = {"prompt_tokens": 20, "completion_tokens": chunks, "total_tokens": 20 + chunks}
        usage = _frame({**self._envelope(model), "choices": [], "usage": tokens})
        return self._event(model, {}, "stop") + usage + b"data: [DONE]\n\n"

    def _event(self, model: str, delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _frame({**self._envelope(model), "choices": [choice]})

    def _envelope(self, model: str) -> dict[str, Any]:
        return {
            "id": "chatcmpl-bench",
            "object": "chat.completion.chunk",
            "created": 1760000000,
            "model": model,
            "system_fingerprint": "fp_bench",
        }


class AnthropicFormat(Format):
    """Messages, as Anthropic streams them: every frame has a name."""

    def head(self, model: str) -> bytes:
        """Begin the message and its one block."""
        message: dict[str, Any] = {
            "id": "msg_bench",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 20, "output_tokens": 1},
        }
        block = {"index": 0, "content_block": {"type": "text", "text": ""}}
        return self._event("message_start", message=message) + self._event(
            "content_block_start", **block
        )

    def piece(self, model: str, text: str) -> bytes:
        """Give a delta."""
        del model  # only the head names it
        delta = {"type": "text_delta", "text": text}
        return self._event("content_block_delta", index=0, delta=delta)

    def end(self, model: str, chunks: int) -> bytes:
        """End the block, give reason and usage, end the message."""
        del model
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        told = self._event("message_delta", delta=delta, usage={"output_tokens": chunks})
        return self._event("content_block_stop", index=0) + told + self._event("message_stop")

    def _event(self, name: str, **fields: object) -> bytes:
        return f"event: {name}\n".encode() + _frame({"type": name, **fields})


class GeminiFormat(Format):
    """generateContent with `alt=sse`: usage with every chunk, the reason in the last chunk."""

    def head(self, model: str) -> bytes:
        """Give nothing: the first chunk has text."""
        del model
        return b""

    def piece(self, model: str, text: str) -> bytes:
        """Give a part."""
        return self._chunk(model, text, 1, {})

    def end(self, model: str, chunks: int) -> bytes:
        """Give the reason with an empty part."""
        return self._chunk(model, "", chunks, {"finishReason": "STOP"})

    def _chunk(self, model: str, text: str, tokens: int, more: Mapping[str, object]) -> bytes:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        usage = {
            "promptTokenCount": 20,
            "candidatesTokenCount": tokens,
            "totalTokenCount": 20 + tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}],
        }
        told = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}
        return _frame({**told, "responseId": "bench"})


OPENAI, ANTHROPIC, GEMINI = OpenAIFormat(), AnthropicFormat(), GeminiFormat()


def format_of(path: str, body: Mapping[str, Any]) -> tuple[Format, str]:
    """Tell in which format a call is made, and to which model."""
    if found := GEMINI_PATH.search(path):
        return GEMINI, found[1]
    return ANTHROPIC if path.endswith("/messages") else OPENAI, body["model"]


def _frame(event: Mapping[str, object]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
