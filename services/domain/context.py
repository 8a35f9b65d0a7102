"""Which messages of a conversation a model gets to see, and in which form."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile, groupby
from operator import attrgetter

from services.domain.catalog import Model
from services.domain.costs import estimate_tokens
from services.domain.errors.requests import ContextTooLong
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole

MESSAGE_OVERHEAD_TOKENS = 4
"""The tokens that a message costs beside its text, in every chat format of today."""

BETWEEN_JOINED = "\n\n"
"""A blank line; it costs less than the overhead of the message that it takes the place of."""


def room_for_history(
    message: ContextMessage, system_prompt: str | None, model: Model, max_tokens: int
) -> int:
    """Count the tokens of the window that prompt, new message and answer leave.

    Where `message` alone does not fit, raises ContextTooLong, which says how many tokens would.
    """
    prompt = _size(estimate_tokens(system_prompt)) if system_prompt else 0
    room = model.window - max_tokens - prompt
    left = room - _size(message.token_estimate)
    if left < 0:
        text = (
            f"About {message.token_estimate} tokens; {model.name} has room for "
            f"{max(0, room - MESSAGE_OVERHEAD_TOKENS)} beside the answer's {max_tokens}."
        )
        raise ContextTooLong(text, {"content": [text]})
    return left


def most_earlier(context_messages: int, room: int) -> int:
    """Say how many messages may go before a new one, which is one of the `context_messages`.

    0: as many as `room` tokens can hold, if all of them were empty.
    """
    return context_messages - 1 if context_messages else room // MESSAGE_OVERHEAD_TOKENS


def fit_context(
    history: Sequence[ContextMessage],
    message: ContextMessage,
    system_prompt: str | None,
    model: Model,
    max_tokens: int,
) -> tuple[ContextMessage, ...]:
    """Choose the newest messages that fit into the window with prompt, new message and answer.

    `history` is the active branch, oldest first, without `message`. The result ends with
    `message` and begins with a user message. Where `message` alone does not fit, raises
    ContextTooLong, which says how many tokens would.
    """
    left = room_for_history(message, system_prompt, model, max_tokens)
    chosen: list[ContextMessage] = [message]
    for earlier in reversed(history):
        left -= _size(earlier.token_estimate)
        if left < 0:
            break
        chosen.append(earlier)
    while chosen[-1].role is not MessageRole.USER:
        chosen.pop()
    return tuple(reversed(chosen))


def alternating(context: Sequence[ContextMessage]) -> tuple[ContextMessage, ...]:
    """Write a context as every model takes it: a user's message first, then by turns.

    `context` ends with the new message. Neighbours of one role become one message: their texts
    with a blank line between them, their images in order. What is blank is left out, and so is an
    answer before the first question.
    """
    *earlier, newest = context
    told = [*(message for message in earlier if not message.is_blank), newest]
    begun = dropwhile(lambda message: message.role is not MessageRole.USER, told)
    return tuple(_joined(list(together)) for _, together in groupby(begun, attrgetter("role")))


def _joined(messages: Sequence[ContextMessage]) -> ContextMessage:
    if len(messages) == 1:
        return messages[0]
    return replace(
        messages[0],
        content=BETWEEN_JOINED.join(m.content for m in messages if m.content.strip()),
        token_estimate=sum(message.token_estimate for message in messages),
        images=tuple(image for message in messages for image in message.images),
    )


def _size(tokens: int) -> int:
    return tokens + MESSAGE_OVERHEAD_TOKENS
