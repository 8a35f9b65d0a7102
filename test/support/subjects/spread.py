"""Endpoints that play scripts, and calls that are spread over them."""

from collections.abc import Generator

from subjects.clock import Clock
from wires.calls import Outcome, collect, request_to
from worlds.played import PlayedProvider, Step

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.base import ProviderRequest
from services.providers.spread import SpreadProvider

Stream = Generator[ProviderEvent, None, None]

REST = 5.0
GOOD: tuple[Step, ...] = (Content("a"), Content("b"), Finish(FinishReason.STOP))


def fails(code: str = "upstream_overloaded", **fields: object) -> ProviderError:
    """Make a failure that may be tried again, unless told otherwise."""
    given: dict[str, object] = {"may_retry": True} | fields
    return ProviderError("No.", code=FailureCode(code), **given)  # type: ignore[arg-type]  # a test's own words


class Kept(PlayedProvider):
    """An endpoint that keeps its streams, so that only `close` closes them."""

    def __init__(self, *scripts: tuple[Step, ...]) -> None:
        """Take the scripts."""
        super().__init__(*scripts)
        self.streams: list[Stream] = []

    def stream(self, request: ProviderRequest) -> Stream:
        """Keep the stream, and give it."""
        self.streams.append(super().stream(request))
        return self.streams[-1]


class Spread:
    """Endpoints that play scripts, and how often each was asked."""

    def __init__(self, *scripts: list[tuple[Step, ...]]) -> None:
        """Make an endpoint for each list of scripts."""
        self.clock = Clock()
        self.played = [Kept(*each) for each in scripts]
        self.provider = SpreadProvider(self.played, rest_seconds=REST, clock=self.clock)

    def ask(self) -> Outcome:
        """Make a call and read it to its end."""
        return collect(self.open())

    def open(self) -> Stream:
        """Make a call that is not read yet."""
        return self.provider.stream(request_to(self.provider))

    @property
    def asked(self) -> list[int]:
        """Count the calls of each endpoint."""
        return [len(each.requests) for each in self.played]
