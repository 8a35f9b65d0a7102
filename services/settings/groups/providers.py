"""Which providers answer, and how patient the server is with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.domain.catalog import Effort
from services.providers.registry import VENDORS
from services.settings.endpoints import Endpoint
from services.settings.groups.vendors import VendorAccess, access_variables
from services.settings.variables import choice, family, number, seconds, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:  # wide: a field for each variable
    """Keys, addresses, defaults and times of the providers."""

    access: Mapping[str, VendorAccess] = family(
        VendorAccess, {name: access_variables(vendor) for name, vendor in VENDORS.items()}
    )
    models_file: str | None = text(
        "MODELS_FILE",
        None,
        "A YAML file that adds models, or changes what is known of them (Documentation/models.md).",
        "the path of a YAML file as in Documentation/models.md",
    )
    default_provider: str | None = choice(
        "DEFAULT_PROVIDER",
        None,
        VENDORS,
        "Who answers where a request names nobody; unset: the first that is configured.",
    )
    default_model: str | None = text(
        "DEFAULT_MODEL",
        None,
        "The model where a request names none; unset: the provider's own default.",
        "the name of a model",
    )
    default_temperature: float = number(
        "DEFAULT_TEMPERATURE", 0.7, (0, 2), "How freely a model chooses its words."
    )
    default_max_tokens: int = whole(
        "DEFAULT_MAX_TOKENS",
        1000,
        (1, 1_000_000),
        "The longest answer where a request names no length.",
        unit="tokens",
    )
    reasoning_effort: str = choice(
        "REASONING_EFFORT",
        Effort.LOW.value,
        Effort,
        "How much a model that thinks before it answers may think.",
    )
    reasoning_allowance: int = whole(
        "REASONING_ALLOWANCE",
        4000,
        (0, 1_000_000),
        "What a model that thinks may use for that beside the answer, where its vendor counts both "
        "as one; up to a quarter of its window. 0: thinking takes from the answer's length.",
        unit="tokens",
    )
    context_messages: int = whole(
        "CONTEXT_MESSAGES",
        10,
        (0, 1000),
        "The newest messages of a conversation that a model gets to see; 0: as many as its window "
        "holds.",
    )
    connect_timeout_seconds: float = seconds(
        "CONNECT_TIMEOUT_SECONDS", 5, (0.05, 120), "How long connecting to a provider may take."
    )
    read_timeout_seconds: float = seconds(
        "READ_TIMEOUT_SECONDS", 60, (0.05, 3600), "How long a provider may be silent."
    )
    first_token_seconds: float = seconds(
        "FIRST_TOKEN_SECONDS",
        60,
        (0.05, 3600),
        "How long the first piece of an answer may take upstream, all calls together; waits "
        "between calls do not count.",
    )
    content_timeout_seconds: float = seconds(
        "CONTENT_TIMEOUT_SECONDS",
        120,
        (0.05, 3600),
        "How long a provider may send signs of life but no content.",
    )
    retries: int = whole(
        "PROVIDER_RETRIES",
        2,
        (0, 10),
        "Further calls after one that failed before its first token.",
    )
    retry_min_seconds: float = seconds(
        "RETRY_MIN_SECONDS", 0.5, (0, 60), "The first wait between two calls."
    )
    retry_max_seconds: float = seconds(
        "RETRY_MAX_SECONDS", 8, (0, 600), "The longest wait between two calls."
    )
    retry_after_max_seconds: float = seconds(
        "RETRY_AFTER_MAX_SECONDS",
        120,
        (0, 3600),
        "The longest wait that a provider may ask for; it is not called again where it asks for "
        "more.",
    )

    def endpoints(self, name: str) -> Sequence[Endpoint]:
        """List the servers of a vendor, each with its key; empty: the vendor is not configured.

        Raises ValueError if keys and addresses do not match.
        """
        return self.access[name].endpoints()

    def omitted(self, name: str) -> Sequence[str]:
        """Name the fields that are never sent to a vendor."""
        return self.access[name].omit or ()
