"""What is set for each vendor, by the variables that it declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marshmallow.validate import OneOf

from services.providers.declaration import BaseUrl, Key, Limits, Vendor
from services.settings import rules
from services.settings.endpoints import Endpoint, endpoints_of
from services.settings.variables import choice, secret, text, whole, words

_KEYS = "the key as {} shows it; several of them by commas"
_BASE_URL = "an absolute URL such as http://127.0.0.1:11434/v1; several of them by commas"
_SWITCH = (
    "Whether the demonstration is there. `auto`: where another provider is configured it stands in "
    "no list, and answers only if it is named; `on`: it is listed beside the others."
)
_NO_LIMIT = "0: no limit"
_MOST = 1_000_000_000


class Switch(StrEnum):
    """Whether a demonstration is there: always, never, or listed only where it is alone."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAccess:
    """Keys and addresses of a vendor, several by commas, and fields that are not sent there.

    `switch` None: the vendor is no demonstration.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    omit: Sequence[str] | None = None
    switch: str | None = None

    def endpoints(self) -> Sequence[Endpoint]:
        """Pair keys and addresses; raises ValueError if they do not match."""
        if self.switch is not None:
            return () if self.switch == Switch.OFF else (Endpoint(),)
        return endpoints_of(self.api_key, self.base_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLimits:
    """How many requests and tokens go to a vendor in a window; 0: no limit."""

    rpm: int = 0
    tpm: int = 0


def access_variables(vendor: Vendor) -> Mapping[str, Any]:
    """Declare the fields of `VendorAccess` that a vendor has."""
    declared = {}
    if vendor.key:
        declared["api_key"] = _key_of(vendor.title, vendor.key)
    if vendor.base_url:
        declared["base_url"] = _base_url_of(vendor.base_url)
        if vendor.base_url.may_refuse:
            declared["omit"] = _omit_of(vendor, vendor.base_url.may_refuse)
    if vendor.switch:
        declared["switch"] = choice(vendor.switch, Switch.AUTO.value, Switch, _SWITCH)
    return declared


def limit_variables(vendor: Vendor) -> Mapping[str, Any]:
    """Declare the fields of `VendorLimits`; a vendor without limits has none."""
    return _limits_of(vendor, vendor.limits) if vendor.limits else {}


def _key_of(title: str, key: Key) -> Any:
    same = f"; {key.also} is the same" if key.also else ""
    about = f"The key for {title}{same}. Calls are spread over several keys."
    return secret(key.variable, None, about, _KEYS.format(key.shown_by), rules.keys, also=key.also)


def _base_url_of(base_url: BaseUrl) -> Any:
    return text(base_url.variable, None, base_url.about, _BASE_URL, rules.base_urls)


def _omit_of(vendor: Vendor, names: Sequence[str]) -> Any:
    about = (
        f"Fields that are not sent to {vendor.title}, because the server or its models refuse them "
        "(Documentation/untidy-servers.md). What a refusal names is left out without it."
    )
    check = OneOf(names, error="Unknown: {input}.")
    variable = f"{vendor.name.upper()}_OMIT_FIELDS"
    return words(variable, about, f"a comma-separated list of {', '.join(names)}", check)


def _limits_of(vendor: Vendor, limits: Limits) -> Mapping[str, Any]:
    prefix, title = vendor.name.upper(), vendor.title
    requests = f"Requests to {title} in a window; {_NO_LIMIT}."
    tokens = f"Tokens of {title} in a window; {_NO_LIMIT}."
    return {
        "rpm": whole(f"{prefix}_RPM", limits.rpm, (0, _MOST), requests),
        "tpm": whole(f"{prefix}_TPM", limits.tpm, (0, _MOST), tokens),
    }
