"""What a vendor is to the rest of the server: one value, which its folder declares.

Settings, limits, models, prices and adapters all come from here, so nothing else knows a vendor by
name. A declaration is read at every start: it imports no SDK, and names its adapters by path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.providers.embedding.model import EmbeddingModel


@dataclass(frozen=True, slots=True)
class Key:
    """The environment variable of a vendor's key, and where the vendor shows the key.

    `also` is a second name for the same variable.
    """

    variable: str
    shown_by: str
    also: str = ""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The environment variable for the address of another server, and what it is good for.

    `may_refuse` names the fields of a request that a server or a model may not take.
    """

    variable: str
    about: str
    may_refuse: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests and tokens go to a vendor in a window, unless it is set; 0: no limit."""

    rpm: int
    tpm: int


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The import path of an embedder, and its model; None: its caller must name a model."""

    adapter: str
    model: EmbeddingModel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor: its `key` or its `base_url` configures it; without both it has a `switch`.

    `name` is a word in lower case: clients see it, its folder has it, and its limits begin with it
    (`GEMINI_RPM`). `title` is what sentences call it. `adapter` is the import path of its provider.
    `models` is the file of the models that are known beforehand, `prices` the name under which
    `genai-prices` knows the vendor.

    `takes_any_model`: names of models are not checked if it has a base URL. `is_local`: it runs on
    the operator's own machines, lists its models itself and costs nothing by the token.
    `switch`: the variable that says whether it is there; such a vendor is a demonstration.
    """

    name: str
    title: str
    adapter: str
    key: Key | None = None
    base_url: BaseUrl | None = None
    limits: Limits | None = None
    models: Path | None = None
    prices: str | None = None
    embeddings: Embeddings | None = None
    takes_any_model: bool = False
    is_local: bool = False
    switch: str = ""

    @property
    def is_demonstration(self) -> bool:
        """Tell whether it never answers in place of another vendor."""
        return bool(self.switch)

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables that configure it, its base URL last."""
        if self.switch:
            return (self.switch,)
        return tuple(each.variable for each in (self.key, self.base_url) if each)
