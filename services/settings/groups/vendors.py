"""What is set for each vendor."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLimits:
    """How many requests and tokens go to a vendor in a window; 0: no limit."""

    rpm: int = 0
    tpm: int = 0
