"""The part of the web client that reads streams, and what a network may do to a stream."""

from collections.abc import Iterator
from typing import Any

import pytest
from api.web_client import SEEN_ON_BOTH
from playwright.sync_api import Browser, Page
from stack.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("stream_reader"), SEEN_ON_BOTH]

STREAM = (
    ": ping\n\n"
    'retry: 9\ndata: {"type":"start"}\nid: r.1.1\n\n'
    'id: r.1.2\r\ndata: {"content":"año 你好 👩‍👧 \\u2028"}\r\n\r\n'
    'data: {"type":"status"}\n\n'
    "event: message\nid: r.1.3\nretry: 5\ndata:one\ndata: two\n\n"
    "id: r.1.4\rdata: three\r\r"
    'id: r.1.5\ndata: {"half":'
)
FRAMES = [
    ["r.1.1", '{"type":"start"}'],
    ["r.1.2", '{"content":"año 你好 👩‍👧 \\u2028"}'],
    [None, '{"type":"status"}'],
    ["r.1.3", "one\ntwo"],
    ["r.1.4", "three"],
]
PARSE = """
async ([bytes, sizes]) => {
  const { FrameParser } = await import("/assets/web/api/stream.js");
  const results = [];
  for (const size of sizes) {
    const parser = new FrameParser();
    const frames = [];
    for (let at = 0; at < bytes.length; at += size)
      frames.push(...parser.push(new Uint8Array(bytes.slice(at, at + size))));
    results.push(frames.map(({ id, data }) => [id, data]));
  }
  return results;
}
"""
IDS_BY_BYTE = """
async (bytes) => {
  const { FrameParser } = await import("/assets/web/api/stream.js");
  const parser = new FrameParser();
  return bytes.map((byte) => parser.push(new Uint8Array([byte])).map(({ id }) => id));
}
"""
# Every connection is a list of texts; with `null` at its end it breaks instead of ending.
FOLLOW = """
async (connections) => {
  const { follow } = await import("/assets/web/api/stream.js");
  const asked = [], events = [], states = [];
  const answer = (texts) => {
    if (texts === 204) return new Response(null, { status: 204 });
    if (Number.isInteger(texts)) return Response.json({ detail: "no" }, { status: texts });
    // One text a pull: an error would throw away what waits in the stream.
    const body = new ReadableStream({ pull(controller) {
      if (!texts.length) return controller.close();
      const text = texts.shift();
      if (text === null) return controller.error(new TypeError("network error"));
      controller.enqueue(new TextEncoder().encode(text));
    } }, { highWaterMark: 0 });
    return new Response(body, { headers: { "X-Run-Id": "r" } });
  };
  let failure = null, terminal = null;
  try {
    terminal = await follow({
      connect: async ({ lastEventId, runId }) => {
        asked.push([lastEventId, runId]);
        const next = connections.shift();
        const isFault = typeof next === "string";
        if (isFault) throw Object.assign(new Error(next), { final: next === "final" });
        return answer(next);
      },
      onEvent: (event) => events.push(event),
      onConnection: (state) => states.push(state),
    });
  } catch (error) { failure = error.message; }
  return { asked, events, states, terminal, failure };
}
"""


@pytest.fixture(scope="module")
def page(browser: Browser, shared_server: ServerProcess) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(shared_server.url)
    yield page
    page.close()


def follow(page: Page, *connections: object) -> dict[str, Any]:
    result: dict[str, Any] = page.evaluate(FOLLOW, list(connections))
    return result


def frame(seq: int, data: str) -> str:
    return f"data: {data}\nid: r.1.{seq}\n\n"


def test_frames_may_be_cut_at_any_byte(page: Page) -> None:
    stream = STREAM.encode()

    results = page.evaluate(PARSE, [list(stream), list(range(1, len(stream) + 1))])

    assert len(results) == len(stream)
    assert all(result == FRAMES for result in results)


def test_an_id_counts_once_its_frame_is_complete_and_not_a_byte_before(page: Page) -> None:
    stream = b"data: x\r\nid: new\r\n\r\n"

    ids = page.evaluate(IDS_BY_BYTE, list(stream))

    assert ids == [[]] * (len(stream) - 1) + [["new"]]


def test_half_a_frame_is_not_seen_and_read_again_after_the_cut(page: Page) -> None:
    whole = frame(2, '{"type":"content","content":"b"}')

    result = follow(
        page,
        [frame(1, '{"type":"content","content":"a"}'), whole[:20], None],
        ['data: {"type":"resume","recovered":true}\n\n', whole, frame(3, '{"type":"done"}')],
    )

    assert result["asked"] == [[None, None], ["r.1.1", "r"]]
    assert [event["type"] for event in result["events"]] == ["content", "resume", "content", "done"]
    assert result["states"] == ["open", "lost", "open"]
    assert result["terminal"] == {"type": "done"}


def test_an_end_without_a_terminal_event_is_a_lost_connection(page: Page) -> None:
    result = follow(page, [frame(1, '{"type":"start"}')], [frame(2, '{"type":"error"}')])

    assert result["asked"] == [[None, None], ["r.1.1", "r"]]
    assert result["terminal"] == {"type": "error"}


LOST = 'data: {"type":"resume","recovered":false,"content":"a b "}\nid:\n\n'


def test_after_a_text_told_as_a_whole_the_older_id_is_forgotten(page: Page) -> None:
    result = follow(
        page,
        [frame(1, '{"type":"start"}'), frame(2, '{"type":"content","content":"a "}')],
        [LOST + ": ping\n\n" + 'data: {"type":"status","state":"queued"}\n\n', None],
        [frame(9, '{"type":"done"}')],
    )

    assert result["asked"] == [[None, None], ["r.1.2", "r"], [None, "r"]]


def test_the_next_id_counts_again_also_in_the_same_piece(page: Page) -> None:
    result = follow(
        page,
        [frame(1, '{"type":"start"}')],
        [LOST + frame(7, '{"type":"content","content":"c "}'), None],
        ['data: {"type":"resume","recovered":true}\n\n', None],
        [frame(8, '{"type":"done"}')],
    )

    ids = [last_event_id for last_event_id, _ in result["asked"]]
    assert ids == [None, "r.1.1", "r.1.7", "r.1.7"]


def test_nothing_to_follow_is_no_failure(page: Page) -> None:
    result = follow(page, 204)

    assert result["terminal"] is None
    assert result["failure"] is None


def test_a_refusal_ends_the_following_and_a_passing_fault_does_not(page: Page) -> None:
    result = follow(page, "passing", "final")

    assert result["failure"] == "final"
    assert len(result["asked"]) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 422, 500])
def test_a_response_that_refuses_ends_the_following(page: Page, status: int) -> None:
    result = follow(page, [frame(1, '{"type":"start"}')], status)

    assert (result["failure"], result["terminal"]) == ("no", None)
    assert result["states"] == ["open", "lost"]


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504])
def test_a_response_that_refuses_for_now_is_a_lost_connection(page: Page, status: int) -> None:
    result = follow(page, status, [frame(1, '{"type":"done"}')])

    assert (result["failure"], result["terminal"]) == (None, {"type": "done"})


def test_what_is_not_json_ends_the_following(page: Page) -> None:
    result = follow(page, [frame(1, "{nonsense")])

    assert result["failure"] == "The server sent something that is not an event."
