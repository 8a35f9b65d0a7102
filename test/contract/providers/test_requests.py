"""What every provider promises about a request: all of it reaches the upstream, or nothing does."""

import json

import pytest
from wires.calls import KEY, ask, collect, provider_of
from wires.fixtures import WireServer
from wires.steps import TEXT
from wires.subjects import EVERY, KINDS, WIRES, Subject, base_url_of, model_of

from services.domain.errors.requests import InvalidRequest
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.providers.base import ProviderRequest

PICTURES = (
    Image("image/png", b"\x89PNG\r\n\x1a\n\x00\xff"),
    Image("image/jpeg", b"\xff\xd8\xff\x00"),
)
HISTORY = [
    ContextMessage(MessageRole.USER, "Grüße"),
    ContextMessage(MessageRole.ASSISTANT, '你好\nand "more"'),
    ContextMessage(MessageRole.USER, "👋🏽"),
]

every = pytest.mark.parametrize("subject", EVERY, indirect=True)
every_wire = pytest.mark.parametrize("subject", WIRES, indirect=True)


@every_wire
def test_the_system_prompt_and_the_whole_history_reach_the_upstream(subject: Subject) -> None:
    sent = subject.sent(messages=HISTORY, system_prompt="Be brief: é.")

    assert sent.system == "Be brief: é."
    assert sent.messages == [(str(message.role), message.content) for message in HISTORY]
    assert not sent.images


@pytest.mark.parametrize("prompt", [None, "", " \n"])
@every_wire
def test_without_a_word_of_a_system_prompt_none_is_sent(
    subject: Subject, prompt: str | None
) -> None:
    assert subject.sent(system_prompt=prompt).system is None


@every_wire
def test_temperature_and_limit_reach_the_upstream(subject: Subject) -> None:
    sent = subject.sent(temperature=0.25, max_tokens=77)

    assert (sent.temperature, sent.max_tokens) == (0.25, 77)


@pytest.mark.parametrize(("longest", "limit"), [(10_000, 1077), (500, 500)])
@every_wire
def test_the_limit_is_raised_by_what_the_model_may_think_up_to_its_longest_output(
    subject: Subject, longest: int, limit: int
) -> None:
    thinker = model_of(subject.kind, thinking=1000, max_output=longest)
    request = ProviderRequest(
        model=thinker, messages=HISTORY, system_prompt=None, temperature=0.5, max_tokens=77
    )
    collect(subject.provider.stream(request))

    assert subject.last_sent().max_tokens == limit


@every_wire
def test_a_temperature_of_zero_is_one(subject: Subject) -> None:
    assert subject.sent(temperature=0.0).temperature == 0


@every_wire
def test_a_model_that_takes_no_temperature_gets_none(subject: Subject) -> None:
    blind = model_of(subject.kind, takes_temperature=False)
    request = ProviderRequest(
        model=blind, messages=HISTORY, system_prompt=None, temperature=0.5, max_tokens=77
    )
    collect(subject.provider.stream(request))

    assert subject.last_sent().temperature is None


@every_wire
def test_images_reach_a_model_that_sees_with_their_text(subject: Subject) -> None:
    message = ContextMessage(MessageRole.USER, "What is this?", images=PICTURES)

    sent = subject.sent(messages=[*HISTORY[:2], message])

    assert sent.images == list(PICTURES)
    assert sent.messages[-1] == ("user", "What is this?")
    assert sent.messages[:-1] == [(str(m.role), m.content) for m in HISTORY[:2]]


@every_wire
def test_an_image_may_come_without_a_word(subject: Subject, wire: WireServer) -> None:
    sent = subject.sent(messages=[ContextMessage(MessageRole.USER, "", images=PICTURES[:1])])

    assert sent.images == [PICTURES[0]]
    assert '"text": ""' not in json.dumps(wire.seen()["last"])  # vendors refuse an empty text


@every_wire
def test_questions_without_an_answer_reach_the_upstream_as_one_message(subject: Subject) -> None:
    again = [
        *HISTORY,
        ContextMessage(MessageRole.ASSISTANT, " \n"),
        ContextMessage(MessageRole.USER, "Why?"),
        ContextMessage(MessageRole.ASSISTANT, ""),
        ContextMessage(MessageRole.USER, "Well?"),
    ]

    sent = subject.sent(messages=again)

    assert sent.messages == [
        *((str(message.role), message.content) for message in HISTORY[:2]),
        ("user", "👋🏽\n\nWhy?\n\nWell?"),
    ]


@every_wire
def test_an_image_that_was_never_answered_goes_along_with_the_next_message(
    subject: Subject,
) -> None:
    first, second = PICTURES
    asked = [
        ContextMessage(MessageRole.USER, "", images=(first,)),
        ContextMessage(MessageRole.ASSISTANT, ""),
        ContextMessage(MessageRole.USER, "What is this?", images=(second,)),
    ]

    sent = subject.sent(messages=asked)

    assert sent.images == [first, second]
    assert sent.messages == [("user", "What is this?")]


@every
def test_images_for_a_model_that_does_not_see_are_refused_by_name(subject: Subject) -> None:
    blind = model_of(subject.provider.name, sees=False)
    message = ContextMessage(MessageRole.USER, "What is this?", images=PICTURES)

    with pytest.raises(InvalidRequest, match="plain") as raised:
        subject.provider.stream(
            ProviderRequest(
                model=blind,
                messages=[message],
                system_prompt=None,
                temperature=0.5,
                max_tokens=77,
            )
        )

    assert list(raised.value.errors) == ["model"]


@every_wire
def test_nothing_goes_out_before_the_first_event_is_asked_for(
    subject: Subject, wire: WireServer
) -> None:
    before = wire.seen()["count"]

    subject.open("plain").close()

    assert wire.seen()["count"] == before


@pytest.mark.parametrize("scenario", ["fails", "status-500", "rate-limited", "cut", "unauthorized"])
@every_wire
def test_nothing_is_tried_twice(subject: Subject, wire: WireServer, scenario: str) -> None:
    before = wire.seen()["count"]

    subject.ask(scenario)

    assert wire.seen()["count"] == before + 1


@every_wire
def test_the_key_goes_out_in_a_header_and_nothing_is_compressed(
    subject: Subject, wire: WireServer
) -> None:
    subject.ask("plain")

    headers = wire.seen()["headers"]
    assert any(KEY in value for value in headers.values())
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_authentication_needs_no_key(kind: str, wire: WireServer) -> None:
    url = base_url_of(kind, wire.url)
    provider = provider_of(kind, url, api_key="", models=(model_of(kind),))

    assert ask(provider, model="plain").text == TEXT
    provider.close()


@every_wire
def test_answers_read_to_their_end_share_a_connection(subject: Subject, wire: WireServer) -> None:
    subject.ask_all("plain")
    before = wire.seen()["connections"]

    for scenario in ("plain", "one-byte-each", "reasoning", "refusal", "status-500", "plain"):
        subject.ask(scenario)

    assert wire.seen()["connections"] == before + 1  # the connection that asks for the count
