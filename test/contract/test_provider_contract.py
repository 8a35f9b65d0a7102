"""What every provider promises, held against the script and two servers of OpenAI's protocol."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from provider_calls import Outcome, ask, collect, provider_of, request_to
from wire_fixtures import WireServer
from wire_steps import TEXT

from services.domain.events import Content, Finish, Reasoning, UsageReport
from services.providers.base import Provider


@dataclass
class Subject:
    """A provider, and how it is made to behave: `messages` or `models` by scenario."""

    provider: Provider
    messages: Mapping[str, str] = field(default_factory=dict)

    def ask(self, scenario: str) -> Outcome:
        """Make the call of a scenario and read it to its end."""
        if not self.messages:
            return ask(self.provider, model=scenario)
        return ask(self.provider, self.messages[scenario])


SCRIPT = {
    "plain": f"/slow 0 /echo {TEXT}",
    "reasoning": f"/reasoning /slow 0 /echo {TEXT}",
    "empty": "/empty",
    "filter": "/filter /slow 0",
    "fails": "/fail before",
    "fails-later": "/fail during /slow 0",
    "rate-limited": "/fail rate_limited",
    "stall": "/stall /slow 0",
    "cut": "/cut /slow 0",
}
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
AIMOCK = ("plain", "reasoning", "length", "filter", "fails", "rate-limited", "cut")
FINAL = ("unauthorized", "unknown")
WIRE = ("plain", "reasoning", "empty", "length", "filter", "rate-limited", "stall", "cut")
CASES = [
    *(("scripted", scenario) for scenario in SCRIPT),
    *(("wire", scenario) for scenario in WIRE),
    *(("aimock", scenario) for scenario in (*AIMOCK, *FINAL)),
]

Subjects = Callable[[str], Subject]


@pytest.fixture
def subject(wire: WireServer, aimock: str) -> Iterator[Subjects]:
    """Give the providers by name."""
    made = {
        "scripted": Subject(provider_of("scripted"), SCRIPT),
        "wire": Subject(provider_of("openai", wire.base_url)),
        "aimock": Subject(provider_of("openai", aimock)),
    }
    yield lambda name: made[name]
    for each in made.values():
        each.provider.close()


every = pytest.mark.parametrize("name", ["scripted", "wire", "aimock"])


@pytest.mark.parametrize(("name", "scenario"), CASES)
def test_every_ending_is_told_by_one_finish_or_one_error(
    subject: Subjects, name: str, scenario: str
) -> None:
    outcome = subject(name).ask(scenario)

    assert outcome.ending == ENDINGS[scenario]
    assert len(outcome.reasons) == (0 if outcome.error else 1)


@pytest.mark.parametrize(("name", "scenario"), [c for c in CASES if "upstream" in ENDINGS[c[1]]])
def test_what_may_pass_by_itself_may_be_tried_again(
    subject: Subjects, name: str, scenario: str
) -> None:
    error = subject(name).ask(scenario).error

    assert error is not None
    assert error.retryable == (scenario not in FINAL)


@every
def test_the_pieces_are_the_text_byte_for_byte(subject: Subjects, name: str) -> None:
    outcome = subject(name).ask("plain")

    assert outcome.text == TEXT
    assert all(event.content for event in outcome.events if isinstance(event, Content))


@every
def test_the_usage_comes_before_the_finish_which_is_last(subject: Subjects, name: str) -> None:
    events = subject(name).ask("plain").events

    assert isinstance(events[-2], UsageReport)
    assert isinstance(events[-1], Finish)


@every
def test_thoughts_are_told_apart_from_the_answer(subject: Subjects, name: str) -> None:
    outcome = subject(name).ask("reasoning")

    assert isinstance(outcome.events[0], Reasoning)
    assert outcome.thoughts
    assert outcome.text == TEXT


@every
def test_a_cut_answer_keeps_what_came_before(subject: Subjects, name: str) -> None:
    outcome = subject(name).ask("cut")

    assert outcome.text
    assert not outcome.reasons


@every
def test_a_limit_says_when_to_come_back(subject: Subjects, name: str) -> None:
    error = subject(name).ask("rate-limited").error

    assert error is not None
    assert error.retry_after == (2 if name == "scripted" else 7)


@every
def test_calls_of_one_provider_do_not_mix(subject: Subjects, name: str) -> None:
    provider, text = subject(name).provider, SCRIPT["plain"]
    streams = [provider.stream(request_to(provider, text, _model(name))) for _ in range(3)]

    first = [next(stream) for stream in streams]
    rest = [collect(stream) for stream in streams]

    for event, outcome in zip(first, rest, strict=True):
        assert isinstance(event, Content)
        assert event.content + outcome.text == TEXT


@every
def test_closing_the_stream_early_ends_it_without_an_event(subject: Subjects, name: str) -> None:
    provider = subject(name).provider
    stream = provider.stream(request_to(provider, SCRIPT["plain"], _model(name)))

    with closing(stream):
        next(stream)

    assert next(stream, None) is None


@every
def test_a_provider_works_again_after_close(subject: Subjects, name: str) -> None:
    each = subject(name)
    each.provider.warm_up()
    each.provider.close()

    assert each.ask("plain").text == TEXT


@every
def test_tokens_are_counted_for_any_text(subject: Subjects, name: str) -> None:
    provider = subject(name).provider

    assert provider.count_tokens("") >= 0
    assert provider.count_tokens(TEXT * 100) > provider.count_tokens(TEXT)


def _model(name: str) -> str | None:
    return None if name == "scripted" else "plain"
