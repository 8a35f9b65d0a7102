"""What wraps a vendor's SDK: loaded when it is first needed, closed with its connections."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, Protocol, TypeVar

from services.providers import tokens
from services.providers.config import ProviderConfig
from services.providers.sdk.loading import sdk_loading


class SdkClient(Protocol):
    """Keeps connections to one vendor's server."""

    def close(self) -> None:
        """Close the connections."""


Client = TypeVar("Client", bound=SdkClient)


class SdkAdapter(ABC, Generic[Client]):
    """Loads the SDK by `warm_up`, or else by the first call."""

    sdk: ClassVar[str]
    """The SDK's module, by which a process knows whether it is loaded."""

    name: str
    _config: ProviderConfig
    _client: Client | None = None

    def warm_up(self) -> None:
        """Load the SDK and the tokenizer, and build the client."""
        self._loaded()
        tokens.warm_up()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _loaded(self) -> Client:
        if self._client is None:
            with sdk_loading(self.sdk, self.name):
                build = self._imported()
                # During the import, another greenlet may have built the client.
                self._client = self._client or build(self._config)
        return self._client

    @abstractmethod
    def _imported(self) -> Callable[[ProviderConfig], Client]:
        """Import what builds the client, and so the SDK: that takes a second."""
