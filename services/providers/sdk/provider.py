"""A provider that calls through a vendor's SDK: what is the same for every vendor."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from services.domain.context import alternating
from services.domain.events import ProviderEvent
from services.providers import tokens
from services.providers.base import Provider, ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.sdk.adapter import SdkAdapter, SdkClient

if TYPE_CHECKING:
    from services.providers.wire.transport import ResponseBody

AnswerReader = Callable[["ResponseBody"], Iterator[ProviderEvent]]
"""What makes events of the bytes of one answer."""

Asked = AbstractContextManager["ResponseBody"]
"""A call: it goes out on entering, and gives the answer's bytes; leaving closes them."""


class AskingClient(SdkClient, Protocol):
    """What a provider needs from its client, apart from answers."""

    def model_names(self) -> list[str]:
        """List the models that the key may use; all errors are ProviderErrors."""


Client = TypeVar("Client", bound=AskingClient)


class SdkProvider(SdkAdapter[Client], Provider):
    """A subclass says how to call the model, and how to read the answer."""

    def __init__(self, config: ProviderConfig) -> None:
        """Keep the configuration; nothing is loaded and nothing connected."""
        self.name = config.name
        self.models = config.models
        self._config = config

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Call the model, and yield the answer as it comes."""
        read = self._reader()
        with self._asked(_as_vendors_take_it(request)) as body:
            yield from read(body)

    def count_tokens(self, text: str) -> int:
        """Count with OpenAI's vocabulary; it is close to those of others, which few publish."""
        return tokens.count(text)

    def list_models(self) -> Sequence[str]:
        """Ask for the list, which costs nothing."""
        return self._loaded().model_names()

    @abstractmethod
    def _reader(self) -> AnswerReader:
        """Make what reads one answer; what it needs is imported here, before anybody is asked."""

    @abstractmethod
    def _asked(self, request: ProviderRequest) -> Asked:
        """Prepare the call; all of its errors are ProviderErrors.

        The messages alternate, and neither they nor the system prompt are blank.
        """


def _as_vendors_take_it(request: ProviderRequest) -> ProviderRequest:
    prompt = request.system_prompt
    said = prompt if prompt and not prompt.isspace() else None
    return replace(request, messages=alternating(request.messages), system_prompt=said)
