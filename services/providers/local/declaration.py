"""A server on the operator's own machines, as the rest of the server knows it."""

from services.providers.declaration import BaseUrl, Embeddings, Limits, Vendor

VENDOR = Vendor(
    name="local",
    title="the local server",
    adapter="services.providers.local.provider:LocalProvider",
    base_url=BaseUrl(
        "LOCAL_BASE_URL",
        "A local server with OpenAI's protocol: Ollama, llama.cpp, vLLM; model names are then not "
        "checked here. Calls are spread over several servers.",
        (
            "max_tokens",
            "max_completion_tokens",
            "stream_options",
            "temperature",
            "reasoning_effort",
            "system",
        ),
    ),
    limits=Limits(rpm=0, tpm=0),
    embeddings=Embeddings("services.providers.openai.embeddings:OpenAIEmbedder"),
    takes_any_model=True,
    is_local=True,
)
