"""A provider that calls through a vendor's SDK: what is the same for every vendor."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import structlog

from services.domain.context import alternating
from services.domain.costs import Usage
from services.domain.events import Finish, ProviderEvent, UsageReport
from services.domain.sessions import FinishReason
from services.providers import tokens
from services.providers.base import Provider, ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.fields import Field
from services.providers.sdk.adapter import SdkAdapter, SdkClient
from services.providers.sdk.omissions import Omissions

if TYPE_CHECKING:
    from services.providers.sdk.errors import Refused
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

_log = structlog.get_logger(__name__)


class SdkProvider(SdkAdapter[Client], Provider):
    """A subclass says how to call the model, and how to read the answer.

    A field that the server refuses by name is left out: in one further call at once, and in all
    later calls of that model.
    """

    fields: ClassVar[Sequence[Field]]
    """What a request of the format can do without."""

    def __init__(self, config: ProviderConfig) -> None:
        """Keep the configuration; nothing is loaded and nothing connected."""
        self.name = config.name
        self.models = config.models
        self._config = config
        self._omissions = Omissions(self.fields, config.omit)

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Call the model, and yield the answer as it comes.

        Content that a filter refuses is no failure: the answer ends for that reason. Where it is
        refused in place of an answer, nothing was used, as with every refusal.
        """
        from services.providers.errors.judgements import Filtered  # noqa: PLC0415 - loaded with the SDK

        read = self._reader()
        asked = _as_vendors_take_it(request)
        try:
            with ExitStack() as calls:
                yield from read(self._answer_to(asked, calls))
        except Filtered as filtered:
            if filtered.is_refusal:
                yield UsageReport(Usage())
            yield Finish(FinishReason.CONTENT_FILTER)

    def count_tokens(self, text: str) -> int:
        """Count with OpenAI's vocabulary; it is close to those of others, which few publish."""
        return tokens.count(text)

    def list_models(self) -> Sequence[str]:
        """Ask for the list, which costs nothing."""
        return self._loaded().model_names()

    def _answer_to(self, request: ProviderRequest, calls: ExitStack) -> "ResponseBody":
        """Call, as often as a further field is refused."""
        from services.providers.sdk.errors import Refused  # noqa: PLC0415 - loaded with the SDK

        model = request.model.name
        while True:
            body = self._omissions.apply(model, self._body(request))
            try:
                return calls.enter_context(self._asked(model, body))
            except Refused as refused:
                if not self._learn(model, body, refused):
                    raise

    def _learn(self, model: str, body: dict[str, Any], refused: "Refused") -> bool:
        """Tell whether a refusal names a field without which the call is to be made again."""
        if not refused.may_be_of_field:
            return False
        field = self._omissions.learn(model, body, refused.told)
        if field is not None:
            _log.warning("field_refused", provider=self.name, model=model, field=field)
        return field is not None

    @abstractmethod
    def _reader(self) -> AnswerReader:
        """Make what reads one answer; what it needs is imported here, before anybody is asked."""

    @abstractmethod
    def _body(self, request: ProviderRequest) -> dict[str, Any]:
        """Make the body of a request: anew, because it may be changed.

        The messages alternate, and neither they nor the system prompt are blank.
        """

    @abstractmethod
    def _asked(self, model: str, body: dict[str, Any]) -> Asked:
        """Prepare the call; all of its errors are ProviderErrors."""


def _as_vendors_take_it(request: ProviderRequest) -> ProviderRequest:
    prompt = request.system_prompt
    said = prompt if prompt and not prompt.isspace() else None
    return replace(request, messages=alternating(request.messages), system_prompt=said)
