"""One provider on several keys or servers: a call goes where the fewest are under way."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import gevent
import structlog

from services.domain.catalog import ANY_MODEL, Model
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, Reasoning
from services.providers.base import Provider, ProviderRequest

REST_SECONDS = 5.0
"""Longer than the runner waits before a retry, short enough that a restart is noticed soon."""

MOST_REST_SECONDS = 300.0
"""A key that stays refused, or without money, costs a call that often; paid up, it is soon back."""

Told = TypeVar("Told")

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Endpoint:
    """A key or a server, and its state; `rests_until` None: its last call began well.

    `refusals` counts, since then, the calls that failed for good by what is wrong with the key or
    the address.
    """

    number: int
    provider: Provider
    calls: int = 0
    last_turn: int = 0
    rests_until: float | None = None
    refusals: int = 0

    def is_awake(self, now: float) -> bool:
        return self.rests_until is None or now >= self.rests_until

    def may_have(self, model: Model) -> bool:
        named = [each.name for each in self.provider.models if each.name != ANY_MODEL]
        return not named or model.name in named


class SpreadProvider(Provider):
    """Spreads calls over adapters of one provider, one for each key or base URL.

    An endpoint rests if its call failed before the first token in a way that makes another try
    there useless now: no call goes to it unless all rest. After its rest one call at a time tries
    it, until a call begins well; a key that stays refused, or without money, rests longer each
    time. A model that only some servers list goes only to them.
    """

    def __init__(
        self,
        endpoints: Sequence[Provider],
        *,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take the adapters, at least one; all have the same name."""
        self._endpoints = [_Endpoint(number, each) for number, each in enumerate(endpoints, 1)]
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._turns = 0
        self.name = endpoints[0].name
        self.models = self._merged_models()

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Call the least busy endpoint, and yield the answer as it comes.

        If another endpoint could take the next try, a failure before the first token is `may_retry`
        without `retry_after`: that try need not wait, and will go there.
        """
        able = [each for each in self._endpoints if each.may_have(request.model)]
        able = able or self._endpoints
        endpoint = self._chosen(able)
        endpoint.calls += 1
        try:
            with closing(endpoint.provider.stream(request)) as events:
                try:
                    yield from self._begun(endpoint, events)
                except ProviderError as exc:
                    raise self._noted(endpoint, exc, able) from exc
                yield from events
        finally:
            endpoint.calls -= 1

    def count_tokens(self, text: str) -> int:
        """Count as the adapters do."""
        return self._endpoints[0].provider.count_tokens(text)

    def list_models(self) -> Sequence[str]:
        """Ask all endpoints at once, and merge; if none answers, raise the error of the first."""
        answers = self._asked(lambda each: each.list_models())
        lists = [answer for answer in answers if not isinstance(answer, ProviderError)]
        if not lists:
            raise next(answer for answer in answers if isinstance(answer, ProviderError))
        return list(dict.fromkeys(name for names in lists for name in names))

    def discover(self) -> Sequence[Model]:
        """Let all endpoints learn at once which models there are."""
        self._asked(lambda each: each.discover())
        self.models = self._merged_models()
        absences = [endpoint.provider.absence for endpoint in self._endpoints]
        self.absence = absences[0] if all(absences) else None
        return self.models

    def warm_up(self) -> None:
        """Warm all endpoints up."""
        for endpoint in self._endpoints:
            endpoint.provider.warm_up()

    def close(self) -> None:
        """Close all endpoints."""
        with contextlib.ExitStack() as closings:
            for endpoint in self._endpoints:
                closings.callback(endpoint.provider.close)

    @staticmethod
    def _begun(
        endpoint: _Endpoint, events: Iterable[ProviderEvent]
    ) -> Generator[ProviderEvent, None, None]:
        """Yield up to the first token; that ends an endpoint's rest, as a whole answer does."""
        for event in events:
            if isinstance(event, Content | Reasoning | Finish):
                endpoint.rests_until, endpoint.refusals = None, 0
                yield event
                return
            yield event

    def _noted(
        self, endpoint: _Endpoint, error: ProviderError, able: Sequence[_Endpoint]
    ) -> ProviderError:
        """Let an endpoint rest; give the error, retryable if another endpoint could be asked."""
        if not (error.retryable or error.code.is_of_key):
            return error
        now = self._clock()
        seconds = max(self._rest_of(endpoint, error), error.retry_after or 0)
        endpoint.rests_until = now + seconds
        _log.warning(
            "endpoint_rests",
            provider=self.name,
            endpoint=endpoint.number,
            code=error.code,
            seconds=seconds,
        )
        is_another_awake = any(other.is_awake(now) for other in able)
        return error.for_another_server() if is_another_awake else error

    def _rest_of(self, endpoint: _Endpoint, error: ProviderError) -> float:
        """Give the usual rest, doubled with each refusal in a row that no wait mends."""
        if error.retryable:
            return self._rest_seconds
        longest = max(MOST_REST_SECONDS, self._rest_seconds)
        seconds = min(longest, self._rest_seconds * 2.0 ** min(endpoint.refusals, 10))
        endpoint.refusals += 1
        return seconds

    def _chosen(self, able: Sequence[_Endpoint]) -> _Endpoint:
        now = self._clock()
        awake = [each for each in able if each.is_awake(now)]
        chosen = min(awake or able, key=lambda each: (each.calls, each.last_turn))
        self._turns += 1
        chosen.last_turn = self._turns
        if chosen.rests_until is not None:
            # This call will show whether the endpoint is well again: no second call until then.
            chosen.rests_until = max(chosen.rests_until, now + self._rest_seconds)
        return chosen

    def _merged_models(self) -> Sequence[Model]:
        merged: dict[str, Model] = {}
        for endpoint in self._endpoints:
            for model in endpoint.provider.models:
                merged.setdefault(model.name, model)
        return sorted(merged.values(), key=lambda model: model.name == ANY_MODEL)

    def _asked(self, ask: Callable[[Provider], Told]) -> list[Told | ProviderError]:
        asking = [gevent.spawn(self._answer_of, each, ask) for each in self._endpoints]
        return [greenlet.get() for greenlet in asking]

    def _answer_of(
        self, endpoint: _Endpoint, ask: Callable[[Provider], Told]
    ) -> Told | ProviderError:
        try:
            return ask(endpoint.provider)
        except ProviderError as exc:
            _log.warning(
                "endpoint_tells_nothing",
                provider=self.name,
                endpoint=endpoint.number,
                code=exc.code,
            )
            return exc
