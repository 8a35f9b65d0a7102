"""Which messages of a conversation a model gets to see."""

from collections.abc import Sequence

from services.domain.catalog import Model
from services.domain.costs import estimate_tokens
from services.domain.errors.requests import ContextTooLong
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole

MESSAGE_OVERHEAD_TOKENS = 4
"""The tokens that a message costs beside its text, in every chat format of today."""


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
    prompt = _size(estimate_tokens(system_prompt)) if system_prompt else 0
    room = model.window - max_tokens - prompt
    left = room - _size(message.token_estimate)
    if left < 0:
        text = (
            f"About {message.token_estimate} tokens; {model.name} has room for "
            f"{max(0, room - MESSAGE_OVERHEAD_TOKENS)} beside the answer's {max_tokens}."
        )
        raise ContextTooLong(text, {"content": [text]})
    chosen: list[ContextMessage] = [message]
    for earlier in reversed(history):
        left -= _size(earlier.token_estimate)
        if left < 0:
            break
        chosen.append(earlier)
    while chosen[-1].role is not MessageRole.USER:
        chosen.pop()
    return tuple(reversed(chosen))


def _size(tokens: int) -> int:
    return tokens + MESSAGE_OVERHEAD_TOKENS
