"""How schemas become JSON Schema, so that generators of clients make good types of it."""

from typing import Any

import marshmallow as ma
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter


class Converter(OpenAPIConverter):
    """apispec's converter, with what generators need.

    - The docstring of a schema is the description of its type.
    - A property has no `default`: generators take it for one that is always there, so that a
      request would have to name it. Parameters keep theirs.
    - An enumeration is a type with a name. The only value of a field is its `const`.
    - An object with further members says nothing of them, as JSON Schema means it. Spelled out,
      they would let every misspelled member pass in typed languages.
    """

    def schema2jsonschema(self, schema: ma.Schema) -> dict[str, Any]:
        """Describe a schema."""
        described: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]  # apispec leaves it open
        for property_ in described["properties"].values():
            property_.pop("default", None)
        if described.get("additionalProperties") is True:
            del described["additionalProperties"]
        if schema.__doc__:
            described["description"] = schema.__doc__
        return described

    def field2choices(self, field: ma.fields.Field[Any], **options: Any) -> dict[str, Any]:
        """Describe the values that a field may have."""
        described: dict[str, Any] = super().field2choices(field, **options)
        values = described.get("enum", ())
        return {"const": values[0]} if len(values) == 1 else described

    def enum2properties(self, field: ma.fields.Field[Any], **options: Any) -> dict[str, Any]:
        """Describe an enumeration by its name."""
        del options
        if not isinstance(field, ma.fields.Enum):
            return {}
        name = field.enum.__name__
        components = self.spec.components
        if name not in components.schemas:
            values = [member.value for member in field.enum]
            described = {"type": "string", "enum": values, "description": field.enum.__doc__}
            components.schema(name, described)
        reference: dict[str, Any] = components.get_ref("schema", name)
        return reference


class SchemaPlugin(MarshmallowPlugin):
    """apispec's plugin for marshmallow, with our converter."""

    Converter = Converter


def example_of(schema: ma.Schema) -> dict[str, Any]:
    """Give a body that works as it stands: the fields that have an example, with it."""
    return {
        field.data_key or name: field.metadata["example"]
        for name, field in schema.fields.items()
        if "example" in field.metadata
    }
