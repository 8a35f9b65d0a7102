"""Fields that every schema shares."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Email as EmailRule
from marshmallow.validate import Length, Regexp

from routes.transports.payloads import rfc3339

MAX_EMAIL_CHARS = 254
"""What fits into a mail's envelope: RFC 5321, 4.5.3.1, without the brackets."""

MAX_ID_CHARS = 64

METADATA_CHARS = 16_384

MAX_ERRORS = 50
"""In one object of the client's own: nobody reads more of them."""

NO_NUL_PATTERN = "^[^\\u0000]*$"
"""What texts are, for the documentation; a pattern cannot name lone surrogates."""


class Text(fields.String):
    """A text that can be stored and sent everywhere: no NUL, no lone surrogate; kept as it is."""

    def __init__(
        self,
        *,
        low: int = 0,
        high: int | None = None,
        pattern: str | None = NO_NUL_PATTERN,
        **options: Any,
    ) -> None:
        """Take `low` to `high` characters; `pattern` is how the documentation says so."""
        rules = [*_listed(options.pop("validate", None))]
        if low or high is not None:
            rules.append(Length(min=low or None, max=high))
        metadata = options.pop("metadata", {})
        if pattern is not None:
            metadata = {"pattern": pattern, **metadata}
        super().__init__(validate=rules, metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if problem := _unstorable(text):
            raise ValidationError(problem)
        return text


class Name(Text):
    """The name of a provider or a model: one line, in which nothing is a control character."""

    def __init__(self, *, high: int, **options: Any) -> None:
        """Take 1 to `high` characters."""
        rule = Regexp(r"[^\x00-\x1f\x7f-\x9f]*\Z", error="It holds a control character.")
        metadata = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$", **options.pop("metadata", {})}
        super().__init__(low=1, high=high, validate=rule, metadata=metadata, **options)


class EmailAddress(Text):
    """An e-mail address as it was typed."""

    def __init__(self, **options: Any) -> None:
        """Document it as an e-mail address."""
        metadata = {"format": "email", **options.pop("metadata", {})}
        super().__init__(
            high=MAX_EMAIL_CHARS,
            validate=EmailRule(error="Not an e-mail address."),
            metadata=metadata,
            **options,
        )


class Id(Text):
    """An id that a client was given; one that no server could have given is as good as unknown."""

    def __init__(self, *, fewest: int = 0, **options: Any) -> None:
        """Document it as what servers give; an id of less than `fewest` characters is refused."""
        self._lengths = range(fewest, MAX_ID_CHARS + 1)
        metadata = {"format": "uuid", **options.pop("metadata", {})}
        super().__init__(pattern=None, metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if len(text) not in self._lengths:
            raise ValidationError("No id has this length.")
        return text


class Flag(fields.Boolean):
    """True or false in JSON; neither 1 nor "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)


class Number(fields.Float):
    """A number in JSON; not a text that looks like a number."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Whole(fields.Integer):
    """A whole number in JSON, also when written as 5.0; not a text that looks like a number."""

    def _validated(self, value: Any) -> int:
        is_fraction = isinstance(value, float) and not value.is_integer()
        if isinstance(value, str) or is_fraction:
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Digits(fields.Integer):
    """A whole number in a query: plain digits, neither `+5` nor `1_0`."""

    def _validated(self, value: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Timestamp(fields.AwareDateTime):
    """A time in UTC that ends in Z, written as in the events of a stream."""

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **options: Any
    ) -> str | None:
        del attr, obj, options
        return None if value is None else rfc3339(value)


class Amount(fields.String):
    """An amount of money: a decimal number as text, in plain digits."""

    def __init__(self, **options: Any) -> None:
        """Document its form."""
        super().__init__(metadata={"pattern": r"^\d+(\.\d+)?$"}, **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        del attr, obj, options
        return None if value is None else format(value, "f")


class Word(fields.String):
    """A word of a list that may grow; null if there is none."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return super()._serialize(value or None, attr, obj, **options)


class JsonObject(fields.Dict):
    """A JSON object of the client's own, within bounds."""

    def __init__(
        self, *, max_depth: int = 5, max_chars: int = METADATA_CHARS, **options: Any
    ) -> None:
        """Take objects at most `max_depth` deep that are written in at most `max_chars`."""
        super().__init__(keys=fields.String(), **options)
        self._max_depth = max_depth
        self._max_chars = max_chars

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        del attr, data, options
        if not isinstance(value, Mapping):
            raise self.make_error("invalid")
        errors: dict[str, Any] = {}
        for name, inner in value.items():
            try:
                _check([name, inner], self._max_depth)
            except ValidationError as exc:
                errors[name] = exc.messages
                if len(errors) == MAX_ERRORS:
                    break
        if errors:
            raise ValidationError(errors)
        if len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) > self._max_chars:
            raise ValidationError(f"Longer than {self._max_chars} characters of JSON.")
        return value


def _check(value: Any, depth_left: int) -> None:
    """Walk through all names and values; ValidationError if one cannot be stored."""
    if isinstance(value, str):
        if problem := _unstorable(value):
            raise ValidationError(problem)
        return
    if not isinstance(value, (Mapping, list)):
        return
    if depth_left < 1:
        raise ValidationError("Nested too deeply.")
    for part in [*value, *value.values()] if isinstance(value, Mapping) else value:
        _check(part, depth_left - 1)


def _unstorable(text: str) -> str | None:
    if "\0" in text:
        return "It holds a NUL character."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "It holds half of a surrogate pair, which is no character."
    return None


def _listed(rules: Any) -> list[Any]:
    if rules is None:
        return []
    return list(rules) if isinstance(rules, (list, tuple)) else [rules]
