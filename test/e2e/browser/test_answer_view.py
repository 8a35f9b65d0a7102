"""What the web client shows for every kind of event."""

from collections.abc import Iterator

import pytest
from api.web_client import SEEN_ON_BOTH
from playwright.sync_api import Browser, Page
from stack.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("answer_view"), SEEN_ON_BOTH]

Event = dict[str, object]

SHOW = """
async ([message, events]) => {
  const { Answer } = await import("/assets/web/chat/answer.js");
  const answer = new Answer(message);
  document.body.append(answer.element);
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => resolve()));
  for (const event of events) answer.apply(event);
  await drawn();
  const { status } = answer.element.dataset;
  const [text, foot, waiting] = [".text", ".foot", ".status"]
    .map((name) => answer.element.querySelector(name).textContent);
  answer.element.remove();
  return { status, text, foot, waiting };
}
"""
START: Event = {"type": "start", "message_id": "m"}
RESUME: Event = {"type": "resume", "recovered": True}


@pytest.fixture(scope="module")
def page(browser: Browser, shared_server: ServerProcess) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(shared_server.url)
    yield page
    page.close()


def show(page: Page, *events: Event, stored: str = "") -> dict[str, str]:
    message = {"content": stored, "status": "streaming"}
    shown: dict[str, str] = page.evaluate(SHOW, [message, list(events)])
    return shown


def content(text: str) -> Event:
    return {"type": "content", "content": text}


def done(text: str, **more: object) -> Event:
    return {"type": "done", "finish_reason": "stop", "full_content": text, **more}


def test_a_start_empties_what_a_reload_showed_because_all_of_it_follows(page: Page) -> None:
    shown = show(page, RESUME, START, content("one "), content("two"), stored="one ")

    assert shown["text"] == "one two"
    assert shown["status"] == "streaming"


def test_what_was_not_recovered_is_replaced_by_the_text_so_far(page: Page) -> None:
    lost: Event = {"type": "resume", "recovered": False, "content": "one two "}

    shown = show(page, content("one "), lost, content("three"))

    assert shown["text"] == "one two three"


def test_the_end_shows_the_text_that_is_kept(page: Page) -> None:
    assert show(page, content("one"), done("one two"))["text"] == "one two"


def test_events_of_unknown_types_change_nothing(page: Page) -> None:
    shown = show(page, content("one"), {"type": "tomorrow", "content": "x"})

    assert shown["text"] == "one"


def test_a_waiting_reader_is_told_its_place_until_the_first_word(page: Page) -> None:
    queued: Event = {"type": "status", "state": "queued", "detail": {"position": 3}}

    assert "place 3" in show(page, queued)["waiting"]
    assert show(page, queued, content("one"))["waiting"] == ""


@pytest.mark.parametrize(
    ("event", "status", "sentence"),
    [
        (done("x", finish_reason="stopped"), "stopped", "Stopped"),
        (done("x", finish_reason="length"), "complete", "length limit"),
        (done("x", finish_reason="content_filter"), "complete", "content filter"),
        (done("x", finish_reason="budget"), "complete", "budget"),
        (done("x", persisted=False), "complete", "Not saved yet"),
        (done("x", finish_reason="stop"), "complete", ""),
        ({"type": "error", "code": "interrupted", "message": "Gone."}, "interrupted", "Gone."),
        ({"type": "error", "code": "upstream_cut", "message": "Cut."}, "failed", "Cut."),
    ],
)
def test_an_answer_says_how_it_ended(page: Page, event: Event, status: str, sentence: str) -> None:
    shown = show(page, START, content("x"), event)

    assert shown["status"] == status
    assert sentence in shown["foot"]
    assert shown["text"] == "x"


EMPTY = [
    ("complete", "stop", "The answer is empty"),
    ("stopped", "stopped", "Stopped before the first word"),
    ("complete", "length", "used up before the first word"),
    ("complete", "content_filter", "content filter held it back"),
    ("complete", "budget", "budget was used up before the first word"),
]


@pytest.mark.parametrize(("status", "reason", "sentence"), EMPTY)
@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_answer_says_that_it_is_empty(
    page: Page, status: str, reason: str, sentence: str, text: str
) -> None:
    shown = show(page, START, content(text), done(text, finish_reason=reason))
    stored: dict[str, str] = page.evaluate(
        SHOW, [{"content": text, "status": status, "finish_reason": reason}, []]
    )

    assert sentence in shown["foot"]
    assert sentence in stored["foot"]


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_stored_answer_that_failed_empty_says_so(page: Page, status: str) -> None:
    shown: dict[str, str] = page.evaluate(SHOW, [{"content": "", "status": status}, []])

    assert "before the first word" in shown["foot"]
