"""Refusals as public threads report them, and what is to come of each."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from reports.refusing_server import Asked, Refusal
from reports.table import linked, row_of
from source_tree import ROOT
from wires.subjects import base_url_of, model_of

from services.domain.catalog import Effort
from services.providers.base import Provider
from services.providers.config import ProviderConfig
from services.providers.registry import build

FILE = ROOT / "test" / "contract" / "providers" / "refusals" / "reports.yaml"

CODES = {
    "money": "upstream_rate_limited",
    "model": "model_not_found",
    "address": "upstream_unreachable",
    "key": "upstream_unauthorized",
    "rejected": "upstream_rejected",
    "overloaded": "upstream_overloaded",
    "limited": "upstream_rate_limited",
    "over": "upstream_rate_limited",
}
"""What a kind of refusal ends in."""

AGAIN = ("overloaded", "limited")
"""Kinds that may be over at a second try."""

HAPPENS = {
    "money": "the next key, then another vendor",
    "model": "`model_not_found`",
    "address": "`upstream_unreachable`: the address is wrong; the next server, then another vendor",
    "key": "`upstream_unauthorized`, not quoted; the next key, then another vendor",
    "rejected": "`upstream_rejected`, quoted; not tried again",
    "overloaded": "tried again, then another vendor; quoted",
    "limited": "tried again, then another vendor; quoted",
    "over": "the next key, then another vendor; not tried again",
    "filter": "the answer ends as `content_filter`, empty",
}
"""The same for people; of a field that is refused, `happens` tells."""

INSTEAD = {"max_tokens": "max_completion_tokens"}
PROMPTS = ("system", "systemInstruction")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A refusal: `report` is the thread, `says` stands in the body, `field` is what is refused."""

    report: str
    server: str
    format: str
    status: int
    kind: str
    says: str
    body: str
    field: str = ""
    omit: tuple[str, ...] = ()

    @property
    def refusal(self) -> Refusal:
        """Give what the server sends."""
        is_json = self.body[:1] in ("{", "[")
        kind = (
            "application/json" if is_json else "text/html" if self.body[:1] == "<" else "text/plain"
        )
        return Refusal(self.status, self.body.encode(), kind)

    @property
    def happens(self) -> str:
        """Say what happens now."""
        if not self.field:
            return HAPPENS[self.kind]
        if self.field in PROMPTS:
            return "asked again at once, the prompt before the first question; remembered"
        instead = INSTEAD.get(self.field)
        how = f"with `{instead}`" if instead else f"without `{self.field}`"
        return f"asked again at once {how}; remembered"

    @property
    def row(self) -> str:
        """Write it as a row of a table."""
        thread = linked(self.report) if "#" in self.report else ""
        return row_of(thread, self.server, f"{self.status} {self.says}", self.happens)

    def rule(self, asked: Asked) -> Refusal | None:
        """Refuse every call, or those that have the field."""
        return self.refusal if not self.field or has(asked.body, self.field) else None


@cache
def reports() -> tuple[Report, ...]:
    """Read all of them."""
    told: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())
    return tuple(Report(**{**each, "omit": tuple(each.get("omit", ()))}) for each in told)


def has(body: Any, field: str) -> bool:
    """Tell whether a request has a field, wherever it is; `system` is the role."""
    if field == "system":
        return any(message["role"] == "system" for message in body.get("messages", ()))
    if isinstance(body, dict):
        return field in body or any(has(value, field) for value in body.values())
    return False


def provider_at(kind: str, root: str, *, key: str = "sk-a", omit: tuple[str, ...] = ()) -> Provider:
    """Build an adapter that sends every field that its format has."""
    model = model_of(kind, reasons=True)
    url = base_url_of(kind, root)
    config = ProviderConfig(
        kind=kind,
        name=kind,
        api_key=key,
        base_url=url,
        models=(model,),
        omit=omit,
        effort=Effort.LOW,
    )
    return build(config)
