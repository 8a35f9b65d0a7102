"""What every provider promises."""

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

    `max_tokens` bounds the answer that people read, `output_limit` all that the model may write.
    Two neighbours may have one role, as where a question was never answered: who sends them to a
    vendor joins them (`services.domain.context.alternating`).

    Raises InvalidRequest, which names the model, if a message has images and the model does not
    see: so every provider refuses them alike, before it is asked.
    """

    model: Model
    messages: Sequence[ContextMessage]
    system_prompt: str | None
    temperature: float
    max_tokens: int

    def __post_init__(self) -> None:
        """Refuse images for a model that does not see."""
        if not self.model.sees and any(message.images for message in self.messages):
            text = f"{self.model.name!r} of {self.model.provider!r} takes no images."
            raise InvalidRequest(text, {"model": [text]})

    @property
    def output_limit(self) -> int:
        """Give the limit for upstream, which counts thinking and answer as one."""
        return min(self.max_tokens + self.model.thinking, self.model.max_output)


class Provider(ABC):
    """Streams answers of its models as domain events. Safe for any number of concurrent calls.

    `models` are those of its configuration, its default first. `absence` tells why upstream, which
    alone knows them, gave no list when it was asked last; None: it gave one, or was not asked.
    """

    name: str
    models: Sequence[Model]
    absence: str | None = None

    @abstractmethod
    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Call the model, and yield the answer as it comes.

        The call goes out at the first `next()`. Content pieces are never empty and hold neither NUL
        nor lone surrogates. `Finish` comes exactly once and last, after the `UsageReport` if the
        provider gives one; a stream that ends before it says why it ended raises ProviderError
        (`upstream_cut`) instead. Every failure is a ProviderError, with `may_retry` if the same
        call may succeed later; nothing is retried here. Closing the generator, or an exception
        thrown into it, closes the upstream connection at once.
        """

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text before a call, as near as possible without asking upstream."""

    @abstractmethod
    def list_models(self) -> Sequence[str]:
        """Ask upstream which models the key may use, at no cost; raises ProviderError.

        It also probes a key: a key that gets a list may make calls.
        """

    def discover(self) -> Sequence[Model]:
        """Learn which models there are, if only upstream knows it; give `models`.

        It never fails: if upstream gives no list, the models known before stay.
        """
        return self.models

    @abstractmethod
    def warm_up(self) -> None:
        """Load what the first call needs, so that it does not wait for imports."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""
