"""The callers of this process that may call a model and have not told yet how that went."""

from dataclasses import dataclass

from services.admission.breakers.base import Verdict

Key = tuple[str, str]
"""A provider and a model."""


@dataclass(slots=True)
class _Out:
    calls: int = 0
    probes: int = 0


class Callers:
    """Tells a probe's outcome from those of calls that were let in before the breaker opened.

    A caller does not say whether it is the probe. While a probe and other calls are under way, an
    outcome is taken for the probe's, and an end without an outcome for another call's. So there are
    never two probes at once, and a probe that ended without an outcome is given up late rather than
    too early.
    """

    def __init__(self) -> None:
        """Begin with no callers."""
        self._out: dict[Key, _Out] = {}

    def came(self, key: Key, admission: Verdict) -> None:
        """Count a caller that asked, unless it was refused."""
        if admission is Verdict.REFUSED:
            return
        out = self._out.get(key)
        if out is None:
            out = self._out[key] = _Out()
        if admission is Verdict.PROBE:
            out.probes += 1
        else:
            out.calls += 1

    def probes(self, key: Key) -> bool:
        """Tell whether a probe is under way."""
        out = self._out.get(key)
        return out is not None and out.probes > 0

    def went(self, key: Key, *, outcome: bool) -> bool:
        """Count a caller as done; give whether it was the probe."""
        out = self._out.get(key)
        if out is None:
            return False
        is_probe = out.probes > 0 and (outcome or not out.calls)
        if is_probe:
            out.probes -= 1
        elif out.calls:
            out.calls -= 1
        if not out.probes and not out.calls:
            del self._out[key]
        return is_probe
