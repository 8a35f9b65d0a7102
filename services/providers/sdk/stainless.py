"""What the SDKs of OpenAI and Anthropic have in common: one generator, Stainless, writes both.

No SDK is imported here: a subclass tells the classes of its errors.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import httpx2
import msgspec

from services.domain.errors.upstream import ProviderError
from services.providers.config import ProviderConfig
from services.providers.sdk.errors import (
    body_of,
    http_client,
    keep_quiet,
    refusal,
    timed_out,
    transport_errors,
    unreachable,
)
from services.providers.sdk.known_request import KnownRequest
from services.providers.wire.clean_text import protocol_error
from services.providers.wire.transport import ResponseBody, Urllib3Transport

NO_KEY = "no-key"  # the SDKs insist on one; a server without authentication ignores it

Listing = TypeVar("Listing")


@dataclass(frozen=True, slots=True)
class SdkErrors:
    """What an SDK raises for a refusal, a silence and a broken line; `any` is the root of all."""

    status: type[Exception]
    timeout: type[Exception]
    connection: type[Exception]
    any: type[Exception]


class StainlessClient(ABC):
    """One SDK client for all calls of a provider."""

    logger: ClassVar[str]
    """Where the SDK logs."""

    def __init__(self, config: ProviderConfig, errors: SdkErrors) -> None:
        """Make what the SDK sends with; nothing is connected before the first call."""
        keep_quiet(self.logger)
        self._secret = config.api_key
        self._timeouts = config.timeouts
        self._transport = Urllib3Transport()
        self._http = http_client(config.timeouts, self._transport)
        self._errors = errors
        self._known: dict[tuple[object, ...], KnownRequest] = {}

    @contextlib.contextmanager
    def open(self, arguments: dict[str, Any]) -> Generator[ResponseBody, None, None]:
        """Ask, and give the answer's bytes; leaving closes them. All errors are ProviderErrors."""
        with self._mapped_errors(), closing(self._ask(arguments)) as response:
            yield body_of(response)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def _post(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send a request whose answer's body is left to be read: the first time by the SDK.

        After that as the SDK did it then.
        """
        form = (path, *sorted((headers or {}).items()))
        known = self._known.get(form)
        if known is None:
            response = self._post_by_sdk(path, body, headers or {})
            self._known[form] = KnownRequest(response.request, self._transport)
            return response
        try:
            response = known.send(msgspec.json.encode(body))
        except httpx2.TimeoutException as exc:
            raise timed_out() from exc
        except httpx2.TransportError as exc:
            raise unreachable(exc) from exc
        if not response.is_success:
            raise self._refusal(response)
        return response

    @abstractmethod
    def _post_by_sdk(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str]
    ) -> httpx2.Response:
        """Send a request as the SDK's methods do, without their walk over every argument."""

    @abstractmethod
    def _ask(self, arguments: dict[str, Any]) -> httpx2.Response:
        """Send the request for an answer, whose body is left to be read."""

    def _refusal(self, answer: object) -> ProviderError:
        """Judge the answer that an SDK's error comes with, or that was read here."""
        if not isinstance(answer, httpx2.Response):
            return ProviderError("The provider's answer cannot be understood.")
        return refusal(answer.status_code, answer.content, answer.headers, self._secret)

    @contextlib.contextmanager
    def _mapped_errors(self) -> Generator[None, None, None]:
        with transport_errors():
            try:
                yield
            except self._errors.status as exc:
                raise self._refusal(getattr(exc, "response", None)) from exc
            except self._errors.timeout as exc:
                raise timed_out() from exc
            except self._errors.connection as exc:
                raise unreachable(exc) from exc
            except self._errors.any as exc:
                raise ProviderError("The provider's answer cannot be understood.") from exc


def read_listing(body: bytes, shape: type[Listing]) -> Listing:
    """Read a page of models: the SDKs' own readers take whatever comes for one, and fail later."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise protocol_error("The provider's list of models cannot be understood.") from exc
