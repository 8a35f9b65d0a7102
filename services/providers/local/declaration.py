"""A server on the operator's own machines, as the rest of the server knows it."""

from services.providers.declaration import BaseUrl, Embeddings, Limits, Vendor
from services.providers.fields import names_of
from services.providers.openai.fields import FIELDS

VENDOR = Vendor(
    name="local",
    title="the local server",
    adapter="services.providers.local.provider:LocalProvider",
    base_url=BaseUrl(
        "LOCAL_BASE_URL",
        "A local server with OpenAI's protocol: Ollama, llama.cpp, vLLM; model names are then not "
        "checked here. Calls are spread over several servers.",
        names_of(FIELDS),
    ),
    limits=Limits(rpm=0, tpm=0),
    embeddings=Embeddings("services.providers.openai.embeddings:OpenAIEmbedder"),
    takes_any_model=True,
    is_local=True,
)
