"""The textbook relay: Flask, a generator, the OpenAI SDK's own iterator.

It keeps nothing, checks no caller and resumes nothing: the least that a relay can do.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - gevent patches what the imports below use
import os  # noqa: E402 - as above
from collections.abc import Iterator  # noqa: E402 - as above

from flask import Flask, Response, request, stream_with_context  # noqa: E402 - as above
from openai import OpenAI  # noqa: E402 - as above

app = Flask(__name__)
client = OpenAI(api_key="none", base_url=os.environ["UPSTREAM"])


@app.post("/stream")
def stream() -> Response:
    """Relay one answer."""
    return Response(stream_with_context(events(request.get_json())), mimetype="text/event-stream")


def events(asked: dict[str, str]) -> Iterator[str]:
    """Ask the upstream and pass on what comes."""
    yield 'data: {"type": "start"}\n\n'
    full = ""
    chunks = client.chat.completions.create(
        model=asked["model"],
        messages=[{"role": "user", "content": asked["content"]}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in chunks:
        if chunk.choices and chunk.choices[0].delta.content:
            full += chunk.choices[0].delta.content
            event = {"type": "content", "content": chunk.choices[0].delta.content}
            yield "data: " + json.dumps(event) + "\n\n"
    yield "data: " + json.dumps({"type": "done", "full_content": full}) + "\n\n"
