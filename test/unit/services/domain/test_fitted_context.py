"""Which messages fit a model's window."""

import pytest

from services.domain.catalog import Model
from services.domain.context import MESSAGE_OVERHEAD_TOKENS, fit_context
from services.domain.errors.requests import ContextTooLong
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole

MODEL = Model(provider="p", name="m", window=100, max_output=50)
NEW = ContextMessage(MessageRole.USER, "new", 10 - MESSAGE_OVERHEAD_TOKENS)


def talk(*sizes: int) -> list[ContextMessage]:
    """Give messages that take so many tokens in all, from a question on."""
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    return [
        ContextMessage(roles[n % 2], f"{n}", size - MESSAGE_OVERHEAD_TOKENS)
        for n, size in enumerate(sizes)
    ]


def texts(*sizes: int, max_tokens: int = 50, prompt: str | None = None) -> list[str]:
    """Fit a talk, and give the texts that are left."""
    return [one.content for one in fit_context(talk(*sizes), NEW, prompt, MODEL, max_tokens)]


def test_everything_is_kept_where_there_is_room() -> None:
    assert texts(10, 10, 10, 10) == ["0", "1", "2", "3", "new"]


def test_a_window_that_is_just_full_is_not_too_small() -> None:
    assert texts(10, 10, 10, 10, max_tokens=50) == ["0", "1", "2", "3", "new"]
    assert texts(11, 10, 10, 10, max_tokens=50) == ["2", "3", "new"]


def test_the_oldest_go_first() -> None:
    assert texts(10, 10, 20, 15) == ["2", "3", "new"]


def test_a_context_never_begins_with_an_answer() -> None:
    assert texts(10, 10, 40, 10) == ["new"]


def test_nothing_is_taken_from_beyond_a_message_that_does_not_fit() -> None:
    assert texts(5, 5, 90, 5) == ["new"]


def test_the_system_prompt_takes_its_room() -> None:
    assert texts(10, 10, 10, 10, prompt="x" * 24) == ["2", "3", "new"]


def test_the_answer_keeps_its_room() -> None:
    assert texts(10, 10, 10, 10, max_tokens=70) == ["2", "3", "new"]


def test_a_first_message_is_its_own_context() -> None:
    assert texts() == ["new"]


@pytest.mark.parametrize(("size", "fits"), [(46, True), (47, False), (10_000, False)])
def test_a_message_that_alone_is_too_large_is_refused_with_the_room_there_is(
    size: int, fits: object
) -> None:
    message = ContextMessage(MessageRole.USER, "new", size)

    if fits:
        assert fit_context(talk(10, 10), message, None, MODEL, 50) == (message,)
        return
    with pytest.raises(ContextTooLong, match="room for 46 ") as refused:
        fit_context(talk(10, 10), message, None, MODEL, 50)
    assert "content" in refused.value.errors
