"""What a server does not take: by setting, by model, in which order, and within which bounds."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from reports.refusals import has, provider_at
from reports.refusing_server import Asked, Refusal, RefusingServer
from wires.calls import ask
from wires.steps import TEXT
from wires.subjects import KINDS

from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.providers.anthropic.fields import FIELDS as OF_ANTHROPIC
from services.providers.base import Provider
from services.providers.errors.explanations import Explanation
from services.providers.fields import Field
from services.providers.gemini.fields import FIELDS as OF_GEMINI
from services.providers.openai.fields import FIELDS as OF_OPENAI
from services.providers.registry import VENDORS
from services.providers.sdk.omissions import MOST_MODELS, Omissions

Build = Callable[..., Provider]

FIELDS = {"openai": OF_OPENAI, "anthropic": OF_ANTHROPIC, "gemini": OF_GEMINI}
"""By the format."""

MAY_REFUSE = [
    (kind, name)
    for kind in KINDS
    if (base_url := VENDORS[kind].base_url)
    for name in base_url.may_refuse
]


@pytest.fixture
def build(upstream: RefusingServer) -> Iterator[Build]:
    """Build adapters on the server, which end with the test."""
    built: list[Provider] = []

    def make(kind: str, *, omit: Sequence[str] = ()) -> Provider:
        built.append(provider_at(kind, upstream.url, omit=tuple(omit)))
        return built[-1]

    yield make
    for each in built:
        each.close()


def refusing(*fields: str) -> Callable[[Asked], Refusal | None]:
    """Refuse the first of these fields that a call has."""

    def rule(asked: Asked) -> Refusal | None:
        found = next((field for field in fields if has(asked.body, field)), None)
        body = f'{{"error": {{"message": "{found} is not supported", "param": "{found}"}}}}'
        return Refusal(400, body.encode()) if found else None

    return rule


@pytest.mark.parametrize(("kind", "field"), MAY_REFUSE)
def test_a_field_that_is_set_to_be_left_out_is_never_sent(
    build: Build, upstream: RefusingServer, kind: str, field: str
) -> None:
    outcome = ask(build(kind, omit=[field]), model="m", system_prompt="Be brief.")

    assert outcome.text == TEXT
    (call,) = upstream.calls
    assert not has(call.body, field)


def test_several_fields_are_refused_one_after_the_other(
    build: Build, upstream: RefusingServer
) -> None:
    upstream.refuse(refusing("stream_options", "temperature", "max_tokens", "reasoning_effort"))
    provider = build("openai")

    assert [ask(provider).text for _ in range(2)] == [TEXT, TEXT]
    assert len(upstream.calls) == 6


def test_a_limit_that_is_refused_under_both_names_is_not_sent(
    build: Build, upstream: RefusingServer
) -> None:
    upstream.refuse(refusing("max_tokens", "max_completion_tokens"))

    assert ask(build("openai"), model="m").text == TEXT
    assert len(upstream.calls) == 3


def test_a_server_that_refuses_on_and_on_is_not_asked_on_and_on(
    build: Build, upstream: RefusingServer
) -> None:
    refused = Refusal(400, b'{"error": "temperature is not supported"}')
    upstream.refuse(lambda _: refused)

    failure = ask(build("openai"), model="m").failure

    assert (failure.code, failure.retryable) == ("upstream_rejected", False)
    assert "temperature is not supported" in failure.detail
    assert len(upstream.calls) == 2


def test_what_one_model_does_not_take_is_sent_to_another(
    build: Build, upstream: RefusingServer
) -> None:
    provider = build("openai")
    upstream.refuse(
        lambda asked: refusing("temperature")(asked) if asked.body["model"] == "o" else None
    )
    ask(provider, model="o")
    ask(provider, model="m")

    assert has(upstream.calls[-1].body, "temperature")


def test_calls_that_were_out_when_a_field_was_refused_are_made_again_too(
    build: Build, upstream: RefusingServer
) -> None:
    provider = build("openai")
    within: list[str] = []

    def rule(asked: Asked) -> Refusal | None:
        if not within:  # a second call comes and is refused before the first one's refusal is told
            within.append("")
            within[0] = ask(provider, model="m").text
        return refusing("temperature")(asked)

    upstream.refuse(rule)

    assert [ask(provider, model="m").text, *within] == [TEXT, TEXT]


@pytest.mark.parametrize(
    "told",
    [
        '{"detail": [{"loc": ["body", "FIELD"], "msg": "Input should be less than 1"}]}',
        '{"error": {"message": "Invalid parameter: must be between 0 and 1", "param": "FIELD"}}',
        '{"error": "invalid argument: FIELD is too large for this server"}',
        '{"error": "unexpected value: FIELD exceeds the limit of 1"}',
    ],
)
@pytest.mark.parametrize("field", ["max_tokens", "temperature"])
def test_a_value_that_is_refused_leaves_its_field_to_other_calls(
    build: Build, upstream: RefusingServer, field: str, told: str
) -> None:
    provider = build("openai")
    upstream.refuse(lambda _: Refusal(400, told.replace("FIELD", field).encode()))
    assert ask(provider, model="m").ending == "upstream_rejected"
    assert len(upstream.calls) == 1
    upstream.refuse(lambda _: None)
    ask(provider, model="m")

    assert has(upstream.calls[-1].body, field)


def test_a_field_that_was_not_sent_is_not_the_reason(
    build: Build, upstream: RefusingServer
) -> None:
    upstream.refuse(lambda _: Refusal(400, b'{"error": "top_p is not supported"}'))

    assert ask(build("openai"), model="m").ending == "upstream_rejected"
    assert len(upstream.calls) == 1


def test_a_prompt_goes_before_a_picture(build: Build, upstream: RefusingServer) -> None:
    message = ContextMessage(MessageRole.USER, "What?", images=(Image("image/png", b"PNG"),))
    for kind in ("openai", "gemini"):
        field = "system" if kind == "openai" else "systemInstruction"
        ask(build(kind, omit=[field]), model="m", system_prompt="Be brief.", messages=[message])

    first, second = (call.body for call in upstream.calls)
    assert [part["type"] for part in first["messages"][0]["content"]] == [
        "text",
        "text",
        "image_url",
    ]
    assert [list(part) for part in second["contents"][0]["parts"]] == [
        ["text"],
        ["inlineData"],
        ["text"],
    ]


def test_names_that_clients_make_up_take_no_memory_without_end() -> None:
    omissions = Omissions(OF_OPENAI)
    told = Explanation("temperature is not supported", whole="temperature is not supported")

    for number in range(MOST_MODELS + 10):
        assert omissions.learn(f"m{number}", {"temperature": 1}, told) == "temperature"

    assert "temperature" in omissions.apply("m0", {"temperature": 1})
    assert "temperature" not in omissions.apply(f"m{MOST_MODELS}", {"temperature": 1})


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_every_field_is_found_by_its_own_name(fields: Sequence[Field]) -> None:
    for field in fields:
        quoted = f"'{field.name}'".lower()
        assert field.named.search(quoted), field.name
