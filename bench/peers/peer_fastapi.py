"""The other textbook relay: FastAPI and AsyncOpenAI; it, too, keeps, checks and resumes nothing."""

import json
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI(api_key="none", base_url=os.environ["UPSTREAM"])


@app.post("/stream")
async def stream(request: Request) -> StreamingResponse:
    """Relay one answer."""
    return StreamingResponse(events(await request.json()), media_type="text/event-stream")


async def events(asked: dict[str, str]) -> AsyncIterator[str]:
    """Ask the upstream and pass on what comes."""
    yield 'data: {"type": "start"}\n\n'
    full = ""
    chunks = await client.chat.completions.create(
        model=asked["model"],
        messages=[{"role": "user", "content": asked["content"]}],
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in chunks:
        if chunk.choices and chunk.choices[0].delta.content:
            full += chunk.choices[0].delta.content
            event = {"type": "content", "content": chunk.choices[0].delta.content}
            yield "data: " + json.dumps(event) + "\n\n"
    yield "data: " + json.dumps({"type": "done", "full_content": full}) + "\n\n"
