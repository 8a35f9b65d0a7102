"""Which models this server does not choose by itself: those that have ended or are gone."""

import time
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import date

from services.domain.catalog import Model, today

Key = tuple[str, str]
"""A provider, and the name of a model of it."""

MOST_MODELS = 1000
"""The number of models that are remembered; it is bounded as their names may come from users."""


def key_of(model: Model) -> Key:
    """Give what names a model."""
    return model.provider, model.name


class Absences:
    """Remembers for a while which models their providers did not know.

    Each worker learns it by a refused call of its own. A model that is back is asked again after
    that while, at the latest. The models that settings name, `named`, are asked also after the day
    on which the catalog says that they end: whoever named them may know better.
    """

    def __init__(
        self,
        seconds: float,
        named: AbstractSet[Key] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
        day: Callable[[], date] = today,
    ) -> None:
        """Begin with no model gone."""
        self._seconds = seconds
        self._named = named
        self._clock = clock
        self._day = day
        self._gone_until: OrderedDict[Key, float] = OrderedDict()

    def gone(self, model: Model) -> None:
        """Note that its provider does not know a model."""
        self._gone_until[key_of(model)] = self._clock() + self._seconds
        self._gone_until.move_to_end(key_of(model))
        if len(self._gone_until) > MOST_MODELS:
            self._gone_until.popitem(last=False)

    def there(self, model: Model) -> None:
        """Note that a model answered."""
        if self._gone_until:
            self._gone_until.pop(key_of(model), None)

    def is_absent(self, model: Model) -> bool:
        """Tell whether a model is not to be chosen where nobody named it."""
        if model.ends is None and not self._gone_until:
            return False
        key = key_of(model)
        if model.ends is not None and key not in self._named and model.has_ended(self._day()):
            return True
        until = self._gone_until.get(key)
        return until is not None and self._clock() < until
