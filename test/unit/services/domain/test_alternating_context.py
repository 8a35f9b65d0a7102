"""What a model is told alternates, begins with a user, and leaves nothing out that was said."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.domain.catalog import Model
from services.domain.context import MESSAGE_OVERHEAD_TOKENS, alternating, fit_context
from services.domain.costs import estimate_tokens
from services.domain.errors.requests import ContextTooLong
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole

PICTURES = [Image("image/png", bytes([number])) for number in range(3)]


def user(text: str, *images: Image, tokens: int = 1) -> ContextMessage:
    return ContextMessage(MessageRole.USER, text, tokens, images)


def assistant(text: str) -> ContextMessage:
    return ContextMessage(MessageRole.ASSISTANT, text, 1)


def told(*messages: ContextMessage) -> list[tuple[str, str]]:
    """Give what a model is told of messages: pairs of a role and a text."""
    return [(str(one.role), one.content) for one in alternating(messages)]


def test_what_alternates_stays_as_it_is() -> None:
    context = (user("a", PICTURES[0]), assistant(" b\n"), user("c"))

    assert alternating(context) == context


def test_questions_without_an_answer_are_joined_by_a_blank_line() -> None:
    assert told(user("a"), assistant(""), user("b"), assistant(" \n"), user("c")) == [
        ("user", "a\n\nb\n\nc")
    ]


def test_answers_without_a_question_are_joined_too() -> None:
    assert told(user("a"), assistant("b"), assistant("c"), user("d")) == [
        ("user", "a"),
        ("assistant", "b\n\nc"),
        ("user", "d"),
    ]


def test_an_answer_before_the_first_question_is_left_out() -> None:
    assert told(assistant("a"), user(" "), assistant("b"), user("c")) == [("user", "c")]


def test_the_pictures_of_joined_messages_stay_in_their_order() -> None:
    first, second, third = PICTURES

    (joined,) = alternating([user("", first), user("a", second), user("b"), user("c", third)])

    assert joined.images == (first, second, third)
    assert joined.content == "a\n\nb\n\nc"


def test_a_picture_without_a_word_is_a_message() -> None:
    assert alternating([user("", PICTURES[0]), assistant("b"), user("c")])[0].images


def test_a_joined_message_counts_the_tokens_of_its_parts() -> None:
    (joined,) = alternating([user("a", tokens=30), assistant(""), user("b", tokens=12)])

    assert joined.token_estimate == 42


def texts_of(messages: Sequence[ContextMessage]) -> list[str]:
    return [message.content for message in messages if message.content.strip()]


texts = st.sampled_from(["", " ", "\n\t", "Why?", "Größe\n", " 🎉 ", "x" * 70])
images = st.lists(st.sampled_from(PICTURES), max_size=2).map(tuple)


def message_of(role: MessageRole, text: str, pictures: tuple[Image, ...]) -> ContextMessage:
    """Make a message as stores keep it: only users send pictures."""
    seen = pictures if role is MessageRole.USER else ()
    return ContextMessage(role, text, estimate_tokens(text) if text else 0, seen)


messages = st.builds(message_of, st.sampled_from(MessageRole), texts, images)
newest = st.builds(user, st.sampled_from(["new", " new\n", "n" * 50]), tokens=st.integers(1, 90))


@given(st.lists(messages, max_size=12), newest)
def test_whatever_was_said_the_model_is_told_it_well_formed(
    history: Sequence[ContextMessage], new: ContextMessage
) -> None:
    context = alternating([*history, new])

    assert context[0].role is MessageRole.USER
    assert all(one.role is not other.role for one, other in pairwise(context))
    assert not any(message.is_blank for message in context)
    assert context[-1].content.endswith(new.content)


@given(st.lists(messages, max_size=12), newest)
def test_whatever_was_said_nothing_of_it_is_lost(
    history: Sequence[ContextMessage], new: ContextMessage
) -> None:
    asked = [user("first"), *history, new]

    context = alternating(asked)

    assert "\n\n".join(texts_of(context)) == "\n\n".join(texts_of(asked))
    assert [i for m in context for i in m.images] == [i for m in asked for i in m.images]


@given(
    st.lists(messages, max_size=12),
    newest,
    st.sampled_from([None, "", "Be kind.", "Sei nett. " * 5]),
    st.integers(60, 400),
)
def test_whatever_was_said_the_model_is_never_told_more_than_its_window_holds(
    history: Sequence[ContextMessage], new: ContextMessage, prompt: str | None, window: int
) -> None:
    model = Model(provider="p", name="m", window=window, max_output=50)
    try:
        chosen = fit_context(history, new, prompt, model, 50)
    except ContextTooLong:
        assert new.token_estimate + MESSAGE_OVERHEAD_TOKENS > window - 50 - _tokens(prompt)
        return

    context = alternating(chosen)

    sizes = [_tokens(message.content) for message in context[:-1]]
    joined = context[-1].content.removesuffix(new.content)
    last = new.token_estimate + MESSAGE_OVERHEAD_TOKENS + (estimate_tokens(joined) if joined else 0)
    assert sum(sizes) + last + _tokens(prompt) + 50 <= window
    assert chosen[-1] is new


@given(st.lists(messages, max_size=12), newest, st.integers(60, 400))
def test_what_is_older_never_decides_whether_a_message_fits(
    history: Sequence[ContextMessage], new: ContextMessage, window: int
) -> None:
    model = Model(provider="p", name="m", window=window, max_output=50)
    huge = replace(new, token_estimate=10**6)

    assert _fitted([*history, huge], new, model) == _fitted([], new, model)


def _fitted(history: Sequence[ContextMessage], new: ContextMessage, model: Model) -> object:
    """Give what is chosen, or the words of the refusal."""
    try:
        return fit_context(history, new, None, model, 50)
    except ContextTooLong as refused:
        return refused.detail


def _tokens(text: str | None) -> int:
    return estimate_tokens(text) + MESSAGE_OVERHEAD_TOKENS if text else 0
