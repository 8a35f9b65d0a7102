"""The models that are known: those that the vendors declare, changed by a file of settings.

All these files are of one format, described in `Documentation/models.md`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from services.domain.catalog import ANY_MODEL, Model
from services.providers.models.file import Mistake, ModelEntry, ModelsFile
from services.providers.registry import VENDORS

_NEEDED = ("window", "max_output")


class InvalidModels(Exception):
    """A file of models is wrong; `mistakes` are sentences with their lines."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Keep the sentences."""
        super().__init__(" ".join(mistakes))
        self.mistakes = mistakes


class Catalog:
    """Known models; a provider's default comes first.

    `price` is set if a file gives it. The entry ANY_MODEL of a provider says what holds for names
    that are not listed.
    """

    def __init__(self, models: Mapping[str, Mapping[str, Model]]) -> None:
        """Take the models by provider and name."""
        self._models = models

    @classmethod
    def load(cls, path: str | None = None) -> "Catalog":
        """Read the models of the vendors and apply a file to them, or raise InvalidModels."""
        catalog = cls({})
        for name, vendor in VENDORS.items():
            if vendor.models:
                label = f"{name}/{vendor.models.name}"
                catalog = catalog.extended(ModelsFile.read(vendor.models, label))
        return catalog if path is None else catalog.extended(ModelsFile.read(Path(path)))

    def models_of(self, provider: str) -> tuple[Model, ...]:
        """List the models of a provider, its default first."""
        known = self._models.get(provider, {})
        return tuple(model for name, model in known.items() if name != ANY_MODEL)

    def unlisted(self, provider: str) -> Model | None:
        """Give what holds for a name that is not listed; None: the catalog has no such provider."""
        return self._models.get(provider, {}).get(ANY_MODEL)

    def extended(self, file: ModelsFile) -> "Catalog":
        """Apply a file, or raise InvalidModels with all that is wrong with it."""
        changed = {provider: dict(models) for provider, models in self._models.items()}
        for entry in file.entries:
            file.mistakes.extend(_applied(entry, changed.setdefault(entry.provider, {})))
        file.mistakes.extend(_repeated(file.entries))
        if file.mistakes:
            raise InvalidModels(file.told())
        defaults = {one.provider: one.name for one in file.entries if one.is_default}
        for provider, name in defaults.items():
            models = changed[provider]
            changed[provider] = {name: models.pop(name), **models}
        return Catalog(changed)


def _applied(entry: ModelEntry, models: dict[str, Model]) -> Iterator[Mistake]:
    """Put an entry into its provider's models; tell what cannot be."""
    known = models.get(entry.name)
    if entry.is_removed:
        if known is None or entry.name == ANY_MODEL:
            text = f"remove: {entry.name!r} is not a model of {entry.provider} here."
            yield Mistake(entry.lines["remove"], text)
        models.pop(entry.name, None)
        return
    if entry.is_default and entry.name == ANY_MODEL:
        text = f"default: {ANY_MODEL!r} stands for names that are not listed and answers nobody."
        yield Mistake(entry.lines["default"], text)
    if entry.changes.get("ends") and entry.name == ANY_MODEL:
        text = f"ends: {ANY_MODEL!r} stands for names that are not listed and does not end."
        yield Mistake(entry.lines["ends"], text)
    missing = [name for name in _NEEDED if name not in entry.lines]
    if known is None and missing:
        text = f"{' and '.join(missing)}: It is missing, and {entry.name!r} is not known."
        yield Mistake(entry.line, text)
    if known is None and any(name not in entry.changes for name in _NEEDED):
        return
    base = known or models.get(ANY_MODEL) or _blank(entry.provider)
    model = replace(base, name=entry.name, **entry.changes)
    if model.max_output > model.window:
        text = f"max_output: {model.max_output} is more than the window of {model.window}."
        line = entry.lines.get("max_output", entry.lines.get("window", entry.line))
        yield Mistake(line, text)
    models[entry.name] = model


def _blank(provider: str) -> Model:
    return Model(provider=provider, name=ANY_MODEL, window=1, max_output=1)


def _repeated(entries: Sequence[ModelEntry]) -> Iterator[Mistake]:
    models: dict[tuple[str, str], ModelEntry] = {}
    defaults: dict[str, ModelEntry] = {}
    for entry in entries:
        first = models.setdefault((entry.provider, entry.name), entry)
        if first is not entry:
            line = first.lines["name"]
            text = f"name: {entry.name!r} stands in line {line} already."
            yield Mistake(entry.lines["name"], text)
        if entry.is_default:
            first = defaults.setdefault(entry.provider, entry)
            if first is not entry:
                text = (
                    f"default: {entry.provider} has one in line {first.lines['default']} already."
                )
                yield Mistake(entry.lines["default"], text)
