"""What a provider is."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from services.domain.catalog import Model
from services.domain.errors.requests import InvalidRequest
from services.domain.events import ProviderEvent
from services.domain.runs import ContextMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """One call: `messages` begin and end with a user message; `max_tokens` is always set.

    Raises InvalidRequest that names the model where a message has images and the model does not
    see: so it is refused before any provider is asked, by each of them alike.
    """

    model: Model
    messages: Sequence[ContextMessage]
    system_prompt: str | None
    temperature: float
    max_tokens: int

    def __post_init__(self) -> None:
        """Refuse images for a model that would be blind to them."""
        if not self.model.sees and any(message.images for message in self.messages):
            text = f"{self.model.name!r} of {self.model.provider!r} takes no images."
            raise InvalidRequest(text, {"model": [text]})


class Provider(ABC):
    """Streams answers of its models as domain events. Safe for any number of concurrent calls.

    `models` are those of its configuration, its default first.
    """

    name: str
    models: Sequence[Model]

    @abstractmethod
    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Ask, and yield the answer as it comes.

        The call goes out at the first `next()`. Content pieces are never empty and hold neither
        NUL nor lone surrogates. `Finish` comes exactly once and last, after the `UsageReport`
        where the provider gives one; a stream that ends before it knows why it ended raises
        ProviderError (`upstream_cut`) instead. Every failure is a ProviderError, `may_retry` where
        the same call may succeed later; nothing is retried here. Closing the generator, or an
        exception thrown into it, closes the upstream connection at once.
        """

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text before a call, as near as can be without asking upstream."""

    @abstractmethod
    def list_models(self) -> Sequence[str]:
        """Ask upstream which models the key may use, at no cost; raises ProviderError.

        It is also the probe of a key: whoever gets a list may call.
        """

    def discover(self) -> Sequence[Model]:
        """Learn which models there are, where only upstream knows it; give `models`.

        It never fails: where upstream does not tell, what was known stays.
        """
        return self.models

    @abstractmethod
    def warm_up(self) -> None:
        """Load what the first call needs, so that it does not wait for imports."""

    @abstractmethod
    def close(self) -> None:
        """Give back the connections."""
