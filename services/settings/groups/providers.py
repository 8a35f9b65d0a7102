"""Who answers, and how patient the server is with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.domain.catalog import Effort
from services.settings import rules
from services.settings.endpoints import Endpoint, endpoints_of
from services.settings.variables import choice, number, seconds, secret, text, whole


class ProviderName(StrEnum):
    """The providers, in order of preference."""

    GEMINI = "gemini"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    LOCAL = "local"
    SCRIPTED = "scripted"


BASE_URL = "an absolute URL such as http://127.0.0.1:11434/v1; several of them by commas"
KEYS = "the key as {} shows it; several of them by commas"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """Keys, places, defaults and times of the providers."""

    gemini_api_key: str | None = secret(
        "GOOGLE_AI_API_KEY",
        None,
        "The key for Gemini; GEMINI_API_KEY is the same. Calls are spread over several keys.",
        KEYS.format("Google AI Studio"),
        rules.keys,
        also="GEMINI_API_KEY",
    )
    gemini_base_url: str | None = text(
        "GOOGLE_GEMINI_BASE_URL",
        None,
        "Another server that speaks Gemini's protocol.",
        BASE_URL,
        rules.base_urls,
    )
    openai_api_key: str | None = secret(
        "OPENAI_API_KEY",
        None,
        "The key for OpenAI. Calls are spread over several keys.",
        KEYS.format("OpenAI"),
        rules.keys,
    )
    openai_base_url: str | None = text(
        "OPENAI_BASE_URL",
        None,
        "Another server that speaks OpenAI's protocol; model names are then not checked here.",
        BASE_URL,
        rules.base_urls,
    )
    anthropic_api_key: str | None = secret(
        "ANTHROPIC_API_KEY",
        None,
        "The key for Anthropic. Calls are spread over several keys.",
        KEYS.format("Anthropic"),
        rules.keys,
    )
    anthropic_base_url: str | None = text(
        "ANTHROPIC_BASE_URL",
        None,
        "Another server that speaks Anthropic's protocol.",
        BASE_URL,
        rules.base_urls,
    )
    local_base_url: str | None = text(
        "LOCAL_BASE_URL",
        None,
        "A local server with OpenAI's protocol: Ollama, llama.cpp, vLLM; model names are then not "
        "checked here. Calls are spread over several servers.",
        BASE_URL,
        rules.base_urls,
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
        ProviderName,
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
    context_messages: int = whole(
        "CONTEXT_MESSAGES",
        10,
        (1, 1000),
        "The newest messages of a conversation that a model gets to see.",
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

    def endpoints(self, name: ProviderName) -> Sequence[Endpoint]:
        """List where a provider is asked, with which key; empty: it is not configured.

        Raises ValueError where keys and addresses do not go together.
        """
        match name:
            case ProviderName.GEMINI:
                return endpoints_of(self.gemini_api_key, self.gemini_base_url)
            case ProviderName.OPENAI:
                return endpoints_of(self.openai_api_key, self.openai_base_url)
            case ProviderName.ANTHROPIC:
                return endpoints_of(self.anthropic_api_key, self.anthropic_base_url)
            case ProviderName.LOCAL:
                return endpoints_of(None, self.local_base_url)
            case ProviderName.SCRIPTED:
                return (Endpoint(),)
