"""What every provider promises, held against the script, the wire's formats and independent mocks.

`test_requests.py` holds what goes up, `test_faults.py` what may come down, `test_usage.py` what is
counted and ignored. aimock has no list of Gemini's models.
"""

import logging
from contextlib import closing

import pytest
from wires.calls import collect
from wires.server import MODELS
from wires.steps import TEXT, THOUGHT, WORDS
from wires.subjects import EVERY, KINDS, WIRES, Subject, scenarios_of

from services.domain.events import Content, Finish, Reasoning, UsageReport
from services.providers.registry import DEMONSTRATIONS, VENDORS

ENDINGS = {
    "plain": "stop",
    "reasoning": "stop",
    "empty": "stop",
    "length": "length",
    "filter": "content_filter",
    "fails": "upstream_overloaded",
    "fails-later": "upstream_error",
    "rate-limited": "upstream_rate_limited",
    "stall": "upstream_timeout",
    "cut": "upstream_cut",
    "unauthorized": "upstream_unauthorized",
    "unknown": "model_not_found",
}
FINAL = ("unauthorized", "unknown")
CASES = [(name, scenario) for name in EVERY for scenario in scenarios_of(name)]

every = pytest.mark.parametrize("subject", EVERY, indirect=True)
every_wire = pytest.mark.parametrize("subject", WIRES, indirect=True)


def test_every_vendor_is_held_to_the_contract() -> None:
    assert set(KINDS) == VENDORS.keys() - DEMONSTRATIONS


@pytest.mark.parametrize(("subject", "scenario"), CASES, indirect=["subject"])
def test_every_ending_is_told_once_and_what_may_pass_may_be_tried_again(
    subject: Subject, scenario: str
) -> None:
    outcomes = [subject.ask(scenario) for _ in range(subject.endpoints)]

    for outcome in outcomes:
        assert outcome.ending == ENDINGS[scenario]
        assert len(outcome.reasons) == (0 if outcome.error else 1)
    error = outcomes[-1].error
    assert error is None or error.retryable == (scenario not in FINAL)


@every
def test_the_pieces_are_the_text_byte_for_byte(subject: Subject) -> None:
    outcome = subject.ask("plain")

    assert outcome.text == TEXT
    assert all(event.content for event in outcome.events if isinstance(event, Content))


@every_wire
def test_each_piece_is_told_as_it_came(subject: Subject) -> None:
    outcome = subject.ask("plain")

    assert tuple(e.content for e in outcome.events if isinstance(e, Content)) == WORDS


@every
def test_the_usage_comes_before_the_finish_which_is_last(subject: Subject) -> None:
    events = subject.ask("plain").events

    assert [type(event) for event in events if not isinstance(event, Content)] == [
        UsageReport,
        Finish,
    ]
    assert isinstance(events[-1], Finish)


@every
def test_thoughts_are_told_apart_from_the_answer(subject: Subject) -> None:
    outcome = subject.ask("reasoning")

    assert isinstance(outcome.events[0], Reasoning)
    assert outcome.thoughts
    assert outcome.text == TEXT


@every_wire
def test_the_thoughts_are_whole(subject: Subject) -> None:
    assert subject.ask("reasoning").thoughts == THOUGHT


@every
def test_a_cut_answer_keeps_what_came_before(subject: Subject) -> None:
    outcome = subject.ask("cut")

    assert outcome.text
    assert not outcome.reasons


@every
def test_a_limit_says_when_to_come_back(subject: Subject) -> None:
    error = subject.ask_all("rate-limited").error

    assert error is not None
    assert error.retry_after == (2 if subject.kind == "scripted" else 7)


@every
def test_calls_of_one_provider_do_not_mix(subject: Subject) -> None:
    streams = [subject.open("plain") for _ in range(3)]

    first = [next(stream) for stream in streams]
    rest = [collect(stream) for stream in streams]

    for event, outcome in zip(first, rest, strict=True):
        assert isinstance(event, Content)
        assert event.content + outcome.text == TEXT


@every
def test_closing_the_stream_early_ends_it_without_an_event(subject: Subject) -> None:
    stream = subject.open("plain")

    with closing(stream):
        next(stream)

    assert next(stream, None) is None


@every
def test_a_provider_works_again_after_close(subject: Subject) -> None:
    subject.provider.warm_up()
    subject.provider.close()

    assert subject.ask("plain").text == TEXT


@every
def test_tokens_are_counted_for_any_text(subject: Subject) -> None:
    provider = subject.provider

    assert provider.count_tokens("") >= 0
    assert provider.count_tokens(TEXT * 100) > provider.count_tokens(TEXT)


@pytest.mark.parametrize("subject", [n for n in EVERY if n != "gemini-aimock"], indirect=True)
def test_what_there_is_can_be_listed_and_discovered(subject: Subject) -> None:
    provider = subject.provider

    assert all(isinstance(name, str) and name for name in provider.list_models())
    assert provider.list_models()
    assert list(provider.discover()) == list(provider.models)
    assert provider.models


@every_wire
def test_models_are_listed_by_the_names_they_are_asked_by(subject: Subject) -> None:
    assert tuple(subject.provider.list_models()) == MODELS


@every_wire
def test_the_libraries_below_log_nothing(
    subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for scenario in ("plain", "status-401", "cut"):
            subject.ask(scenario)
        subject.provider.list_models()

    assert [r for r in caplog.records if not r.name.startswith("services.")] == []
