"""What a call carried: read from the body that the wire server got, in each vendor's format."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.runs import Image


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A call as the upstream got it; messages are pairs of a role and a text."""

    system: str | None
    messages: Sequence[tuple[str, str]]
    images: Sequence[Image]
    temperature: float | None
    max_tokens: int


def of_openai(body: Mapping[str, Any]) -> Sent:
    """Read chat completions."""
    told = [(m["role"], _parts(m["content"])) for m in body["messages"]]
    parts = [part for _, each in told for part in each]
    texts = [(role, _text(each)) for role, each in told]
    return Sent(
        system=next((text for role, text in texts if role == "system"), None),
        messages=[pair for pair in texts if pair[0] != "system"],
        images=[_of_url(part["image_url"]["url"]) for part in parts if "image_url" in part],
        temperature=body.get("temperature"),
        max_tokens=body["max_tokens"],
    )


def of_anthropic(body: Mapping[str, Any]) -> Sent:
    """Read messages."""
    told = [(m["role"], _parts(m["content"])) for m in body["messages"]]
    sources = [part["source"] for _, each in told for part in each if "source" in part]
    return Sent(
        system=_text(_parts(body["system"])) if "system" in body else None,
        messages=[(role, _text(each)) for role, each in told],
        images=[Image(each["media_type"], b64decode(each["data"])) for each in sources],
        temperature=body.get("temperature"),
        max_tokens=body["max_tokens"],
    )


def of_gemini(body: Mapping[str, Any]) -> Sent:
    """Read `generateContent`."""
    roles = {"user": "user", "model": "assistant"}
    told = [(roles[c["role"]], c["parts"]) for c in body["contents"]]
    inlined = [part["inlineData"] for _, each in told for part in each if "inlineData" in part]
    settings = body["generationConfig"]
    system = body.get("systemInstruction")
    return Sent(
        system=_text(system["parts"]) if system else None,
        messages=[(role, _text(each)) for role, each in told],
        images=[Image(each["mimeType"], b64decode(each["data"])) for each in inlined],
        temperature=settings.get("temperature"),
        max_tokens=settings["maxOutputTokens"],
    )


READERS: Mapping[str, Callable[[Mapping[str, Any]], Sent]] = {
    "openai": of_openai,
    "anthropic": of_anthropic,
    "gemini": of_gemini,
}


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"text": content}] if isinstance(content, str) else content


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    return "".join(part.get("text", "") for part in parts)


def _of_url(url: str) -> Image:
    head, _, data = url.partition(";base64,")
    return Image(head.removeprefix("data:"), b64decode(data))
