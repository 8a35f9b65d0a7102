"""A file of models: YAML, read node by node, so that each mistake has its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from services.domain.costs import Price
from services.domain.text_files import NotText, text_of
from services.providers.models.fields import ENTRY_FIELDS, MODEL_FIELDS, PRICE_FIELDS, Rule

MAX_BYTES = 262_144
"""Room for a thousand models; YAML is read at 100 KB a second."""

_ONLY_WITH_REMOVE = {"provider", "name", "remove"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """What a file says of one model: `changes` are fields of `Model`.

    `lines` tells the line of each field, understood or not.
    """

    line: int
    provider: str
    name: str
    changes: Mapping[str, Any]
    lines: Mapping[str, int]
    is_default: bool = False
    is_removed: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong with a file, and in which line; 0: with all of it."""

    line: int
    text: str

    def told(self, label: str) -> str:
        """Tell it as people look for it: file, line, what is wrong."""
        place = f"{label}, line {self.line}" if self.line else label
        return f"{place}: {self.text}"


@dataclass(slots=True)
class ModelsFile:
    """A file as far as it could be understood, and what is wrong with it."""

    label: str
    entries: list[ModelEntry] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, label: str | None = None) -> "ModelsFile":
        """Read a file; if that fails, this is its only mistake. Without a label: its own name."""
        file = cls(label or path.name)
        try:
            if path.exists() and not path.is_file():
                raise ValueError("It is not a file.")  # noqa: TRY301 - told like the others
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise ValueError(f"It is larger than {MAX_BYTES} bytes.")  # noqa: TRY301 - the same
            return cls.parse(file.label, text_of(content))
        except OSError as exc:
            file.mistakes.append(Mistake(0, f"It cannot be read: {exc.strerror}."))
        except NotText as exc:
            file.mistakes.append(Mistake(exc.line, str(exc)))
        except ValueError as exc:
            file.mistakes.append(Mistake(0, str(exc)))
        return file

    @classmethod
    def parse(cls, label: str, text: str) -> "ModelsFile":
        """Read the text of a file."""
        file = cls(label)
        try:
            loader = yaml.SafeLoader(text)
        except yaml.reader.ReaderError as exc:
            line = text.count("\n", 0, exc.position) + 1
            file.mistakes.append(Mistake(line, f"It is not YAML: {exc.reason}."))
            return file
        try:
            top = loader.get_single_node()
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            said = f"It is not YAML: {exc.problem or exc.context}."
            file.mistakes.append(Mistake(mark.line + 1 if mark else 0, said))
        except RecursionError:
            file.mistakes.append(Mistake(loader.line + 1, "It is nested too deeply."))
        except (ValueError, OverflowError):
            # The scanner turns "\\UFFFFFFFF" into a character without checking that there is one.
            said = "It is not YAML: it names a character that does not exist."
            file.mistakes.append(Mistake(loader.line + 1, said))
        else:
            file.entries = _Walk(file.mistakes).entries(top)
        return file

    def told(self) -> list[str]:
        """Tell the mistakes in the order of their lines."""
        return [mistake.told(self.label) for mistake in sorted(self.mistakes)]


class _Walk:
    """Goes through the nodes and notes what is wrong on the way."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self._mistakes = mistakes

    def entries(self, top: yaml.Node | None) -> list[ModelEntry]:
        if top is None:
            self._mistakes.append(Mistake(1, "models: It is missing."))
            return []
        models = self._parts(top, ("models",), "the file").get("models")
        if models is None:
            if isinstance(top, yaml.MappingNode):
                self._note(top, "models: It is missing.")
            return []
        if not isinstance(models, yaml.SequenceNode):
            self._note(models, "models: It takes a list; each entry begins with `- provider:`.")
            return []
        found = (self._entry(node) for node in models.value)
        return [entry for entry in found if entry is not None]

    def _entry(self, node: yaml.Node) -> ModelEntry | None:
        parts = self._parts(node, (*ENTRY_FIELDS, "price"), "an entry")
        values = self._values(parts, ENTRY_FIELDS)
        if "price" in parts and (price := self._price(parts["price"])) is not None:
            values["price"] = price
        for name in ("provider", "name"):
            if name not in parts and isinstance(node, yaml.MappingNode):
                self._note(node, f"{name}: It is missing.")
        if values.get("remove") and (more := [p for p in parts if p not in _ONLY_WITH_REMOVE]):
            self._note(parts[more[0]], f"{more[0]}: It has no place beside `remove: true`.")
        if not {"provider", "name"} <= values.keys():
            return None
        return ModelEntry(
            line=_line(node),
            provider=values["provider"],
            name=values["name"],
            changes={key: values[key] for key in (*MODEL_FIELDS, "price") if key in values},
            lines={key: _line(part) for key, part in parts.items()},
            is_default=values.get("default", False),
            is_removed=values.get("remove", False),
        )

    def _price(self, node: yaml.Node) -> Price | None:
        parts = self._parts(node, tuple(PRICE_FIELDS), "price")
        values = self._values(parts, PRICE_FIELDS)
        for name in ("input", "output"):
            if name not in parts and isinstance(node, yaml.MappingNode):
                self._note(node, f"price: {name} is missing.")
        if not {"input", "output"} <= values.keys():
            return None
        cached = values.get("cached_input", values["input"])
        return Price(values["input"], values["output"], cached)

    def _parts(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        """Take a mapping apart; a key that is unknown, or comes twice, is a mistake."""
        if not isinstance(node, yaml.MappingNode):
            self._note(node, f"{what}: It takes fields such as `{known[0]}:`.")
            return {}
        parts: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in parts:
                self._note(key, f"{name}: It stands in line {_line(parts[name])} already.")
            elif name in known:
                parts[name] = value
            else:
                self._note(key, f"{name!r} is not known here. Known: {', '.join(known)}.")
        return parts

    def _values(self, parts: Mapping[str, yaml.Node], rules: Mapping[str, Rule]) -> dict[str, Any]:
        """Read the scalars for which there are rules."""
        values = {}
        for name, rule in rules.items():
            node = parts.get(name)
            if node is None:
                continue
            if not isinstance(node, yaml.ScalarNode):
                self._note(node, f"{name}: It takes a single value.")
            elif not node.value or node.tag == "tag:yaml.org,2002:null":
                self._note(node, f"{name}: It has no value.")
            else:
                try:
                    values[name] = rule(node.value)
                except ValueError as exc:
                    self._note(node, f"{name}: {_quoted(node.value)} is not {exc}.")
        return values

    def _note(self, node: yaml.Node, text: str) -> None:
        self._mistakes.append(Mistake(_line(node), text))


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


_QUOTED_CHARS = 40


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTED_CHARS else f"{text[:_QUOTED_CHARS]}...")
