"""What every provider promises about an answer that is broken, odd, endless or unwanted."""

from collections.abc import Callable, Generator

import pytest
from stack.server_process import find_free_port
from wires.calls import KEY, provider_of, request_to
from wires.fixtures import WireServer
from wires.steps import KEY_IN_ERRORS, TEXT
from wires.subjects import KINDS, WIRES, Subject, base_url_of, model_of

from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, UsageReport

Stream = Generator[ProviderEvent, None, None]

every_wire = pytest.mark.parametrize("subject", WIRES, indirect=True)


def close(stream: Stream) -> None:
    stream.close()


def throw(stream: Stream) -> None:
    with pytest.raises(KeyError):
        stream.throw(KeyError("mine"))


@pytest.mark.parametrize("end", [close, throw])
@pytest.mark.parametrize("scenario", ["stall", "words-1000-10"])
@every_wire
def test_an_end_from_outside_closes_the_upstream_at_once(
    subject: Subject, wire: WireServer, scenario: str, end: Callable[[Stream], None]
) -> None:
    stream = subject.open(scenario)
    next(stream)
    assert wire.live() == 1

    end(stream)

    assert wire.live(until=0) == 0


@pytest.mark.parametrize(
    ("scenario", "code", "text"),
    [
        ("error-first", "upstream_overloaded", ""),
        ("error-later", "upstream_error", TEXT),
        ("error-event", "upstream_error", TEXT),
        ("malformed", "upstream_protocol", TEXT),
        ("html", "upstream_protocol", ""),
        ("no-finish", "upstream_cut", TEXT),
        ("cut", "upstream_cut", TEXT),
        ("close", "upstream_cut", TEXT),
        ("stall", "upstream_timeout", TEXT),
        ("stall-first", "upstream_timeout", ""),
        ("status-408", "upstream_overloaded", ""),
        ("status-409", "upstream_overloaded", ""),
        ("status-500", "upstream_overloaded", ""),
        ("status-503", "upstream_overloaded", ""),
        ("status-529", "upstream_overloaded", ""),
        ("status-429", "upstream_rate_limited", ""),
    ],
)
@every_wire
def test_a_failure_keeps_what_came_and_lets_the_upstream_go(
    subject: Subject, wire: WireServer, scenario: str, code: str, text: str
) -> None:
    outcome = subject.ask(scenario)

    assert (outcome.ending, outcome.text) == (code, text)
    assert outcome.error is not None
    assert outcome.error.retryable
    assert wire.live(until=0) == 0


@pytest.mark.parametrize(("scenario", "text"), [("shapeless", TEXT), ("endless-line", "")])
@every_wire
def test_what_would_come_again_is_not_paid_for_again(
    subject: Subject, wire: WireServer, scenario: str, text: str
) -> None:
    outcome = subject.ask(scenario)

    assert (outcome.ending, outcome.text) == ("upstream_protocol", text)
    assert not outcome.failure.retryable
    assert wire.live(until=0) == 0


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("status-400", "upstream_rejected"),
        ("status-401", "upstream_unauthorized"),
        ("status-403", "upstream_unauthorized"),
        ("status-404", "model_not_found"),
        ("status-413", "upstream_rejected"),
        ("status-422", "upstream_rejected"),
        ("quota", "upstream_rate_limited"),
        ("redirect", "upstream_rejected"),
    ],
)
@every_wire
def test_a_final_refusal_is_told_as_final(subject: Subject, scenario: str, code: str) -> None:
    error = subject.ask_all(scenario).error

    assert error is not None
    assert (error.code, error.retryable) == (code, False)


@every_wire
def test_a_redirect_is_not_followed_but_told(subject: Subject) -> None:
    assert subject.ask("redirect").failure.detail.endswith("It redirects to /elsewhere")


@pytest.mark.parametrize(
    "scenario",
    [
        *("close-delimited", "one-byte-each", "one-piece", "crlf", "slow", "odd", "open-end"),
        *("pinged", "tool-calls", "cut-after-finish"),
    ],
)
@every_wire
def test_a_complete_answer_is_whole_in_whatever_shape_it_comes(
    subject: Subject, wire: WireServer, scenario: str
) -> None:
    outcome = subject.ask(scenario)

    assert (outcome.ending, outcome.text, outcome.thoughts) == ("stop", TEXT, "")
    assert wire.live(until=0) == 0


@pytest.mark.parametrize("subject", ["openai-wire", "gemini-wire"], indirect=True)
def test_a_second_answer_is_in_no_text_no_thought_and_no_reason(subject: Subject) -> None:
    outcome = subject.ask("two-choices")

    assert (outcome.ending, outcome.text, outcome.thoughts) == ("stop", TEXT, "")


@every_wire
def test_a_refusal_or_a_filter_ends_as_filtered_with_what_was_said(subject: Subject) -> None:
    for scenario in ("filter", "refusal"):
        assert subject.ask(scenario).ending == "content_filter"
    assert TEXT.startswith(subject.ask("filter").text)
    assert subject.ask("filter").text


@pytest.mark.parametrize("scenario", ["nul", "surrogate"])
@every_wire
def test_what_no_store_can_hold_is_replaced(subject: Subject, scenario: str) -> None:
    assert subject.ask(scenario).text == "a\ufffdb"


@every_wire
def test_several_thousand_pieces_come_one_by_one_and_whole(subject: Subject) -> None:
    outcome = subject.ask("words-5000-0")

    assert sum(isinstance(event, Content) for event in outcome.events) == 5000
    assert outcome.text == " word" * 5000
    assert outcome.ending == "stop"


@pytest.mark.parametrize("scenario", ["talkative", "error-first", "error-later", "status-401"])
@every_wire
def test_what_is_quoted_is_short_and_holds_no_secret(subject: Subject, scenario: str) -> None:
    error = subject.ask(scenario).error

    assert error is not None
    assert len(error.detail) < 300
    assert not any(secret in error.detail for secret in (KEY, KEY_IN_ERRORS, "u:p@"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_away_is_unreachable_for_a_call_and_for_a_list(kind: str) -> None:
    url = base_url_of(kind, f"http://127.0.0.1:{find_free_port()}")
    provider = provider_of(kind, url, models=(model_of(kind),))

    for ask in (provider.list_models, lambda: next(provider.stream(request_to(provider)))):
        with pytest.raises(ProviderError) as raised:
            ask()
        assert raised.value.code == "upstream_unreachable"
        assert raised.value.retryable
    provider.close()


@every_wire
def test_an_answer_of_nothing_ends_well(subject: Subject) -> None:
    events = subject.ask("empty").events

    assert [type(event) for event in events] == [UsageReport, Finish]
