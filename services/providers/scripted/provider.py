"""A provider without any AI: it shows how Charla streams, and acts up on command.

The first line of the last user message may hold commands, in any order and number:

    /slow MS          wait MS milliseconds before each word (25 without it)
    /long WORDS       answer with that many words
    /reasoning        think aloud first
    /empty            answer nothing, and end well
    /filter           end half-way with `content_filter`
    /fail before      fail before the first word, as an overloaded provider does
    /fail during      fail half-way
    /fail rate_limited  refuse as a provider does that limits the server; asks for 2 seconds
    /stall            fall silent half-way, until the read timeout
    /cut              end half-way without an end
    /echo TEXT        answer with TEXT, all that follows in the message; must come last

A line with anything else in it is text like any other. `Documentation/scripted.md` is the table
for those who write clients.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import cycle, islice

import gevent

from services.domain.catalog import Model
from services.domain.costs import Usage, UsageSource, estimate_tokens
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.graphemes import cut
from services.domain.sessions import FinishReason
from services.providers.base import Provider, ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.scripted.directions import Script, read_script
from services.providers.wire.clean_text import clean

RETRY_AFTER_SECONDS = 2.0
QUOTED_CHARS = 80

_AT_ONCE = ("fail before", "fail rate_limited")

_ANSWER = (
    "This is a demonstration without any AI key: a script, the same for everybody, "
    'answers instead of a model. You wrote: "{question}" Each word of this answer is an event of '
    "its own, is kept in the run's log, and is there again after a reload. Text of every kind "
    "goes through unchanged: café, Grüße, naïve, Ελλάδα, Привет, 你好, こんにちは, 👋🏽 and 🚀. "
    "Set OPENAI_API_KEY or LOCAL_BASE_URL and start again to talk to a real model."
)
_FILLER = (
    "Words flow one by one: été, Mädchen, señor, żółw, 你好, 世界, 🌊 and plain ones too, "
    "again and again, until as many are told as were asked for."
)
_THOUGHTS = "There is no model here that could think, so this thought is from a script, too. 🤔"


class ScriptedProvider(Provider):
    """Answers from a script; the same question always gets the same answer."""

    def __init__(self, config: ProviderConfig) -> None:
        """Offer one model; of the configuration only name and read timeout are used."""
        self.name = config.name
        self.models = (
            Model(provider=config.name, name="scripted-1", window=32_000, max_output=4_000),
        )
        self._read_seconds = config.timeouts.read_seconds

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Play the script of the last message."""
        script = read_script(request.messages[-1].content)
        failure = _failure(script.ending)
        if failure is not None and script.ending in _AT_ONCE:
            raise failure
        if script.reasons:
            yield from _spoken(Reasoning, words_of(_THOUGHTS), script)
        words = [] if script.is_empty else _words(script)
        complete = len(words) <= request.max_tokens
        if script.ending:
            words = words[: (len(words) + 1) // 2]
        words = words[: request.max_tokens]
        yield from _spoken(Content, words, script)
        if script.ending == "stall":
            gevent.sleep(self._read_seconds)
        if failure is not None:
            raise failure
        yield UsageReport(_usage(request, len(words)))
        yield Finish(_reason(script, complete=complete))

    def count_tokens(self, text: str) -> int:
        """Estimate."""
        return estimate_tokens(text)

    def list_models(self) -> Sequence[str]:
        """Give the one model; there is no upstream to ask."""
        return [model.name for model in self.models]

    def warm_up(self) -> None:
        """Do nothing: nothing needs to be loaded."""

    def close(self) -> None:
        """Do nothing: nothing is held."""


def words_of(text: str) -> list[str]:
    """Cut a text into words, each with the space after it; joined they are the text again."""
    return re.findall(r"\S+\s*|\s+", text)


def _words(script: Script) -> list[str]:
    if script.echo is not None:
        return words_of(clean(script.echo))
    if script.word_count is not None:
        return list(islice(cycle(words_of(_FILLER + " ")), script.word_count))
    question = cut(" ".join(clean(script.text).split()), QUOTED_CHARS)
    return words_of(_ANSWER.format(question=question))


def _spoken(
    kind: Callable[[str], ProviderEvent], words: list[str], script: Script
) -> Iterator[ProviderEvent]:
    for word in words:
        gevent.sleep(script.milliseconds / 1000)
        yield kind(word)


def _usage(request: ProviderRequest, output_tokens: int) -> Usage:
    texts = [request.system_prompt or "", *(m.content for m in request.messages)]
    return Usage(
        input_tokens=sum(estimate_tokens(text) for text in texts if text),
        output_tokens=output_tokens,
        source=UsageSource.ESTIMATED,
    )


def _reason(script: Script, *, complete: bool) -> FinishReason:
    if script.ending == "filter":
        return FinishReason.CONTENT_FILTER
    return FinishReason.STOP if complete else FinishReason.LENGTH


def _failure(ending: str) -> ProviderError | None:
    match ending:
        case "fail before":
            return _error("The script fails before the first word.", FailureCode.OVERLOADED)
        case "fail rate_limited":
            return ProviderError(
                "The script refuses to answer so often.",
                code=FailureCode.RATE_LIMITED,
                may_retry=True,
                retry_after=RETRY_AFTER_SECONDS,
            )
        case "fail during":
            return _error("The script fails half-way.", FailureCode.ERROR)
        case "stall":
            return ProviderTimeout("The script fell silent.")
        case "cut":
            return _error("The script ended without an end.", FailureCode.CUT)
        case _:
            return None


def _error(text: str, code: FailureCode) -> ProviderError:
    return ProviderError(text, code=code, may_retry=True)
