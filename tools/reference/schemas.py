"""The fields of messages in words, from their JSON Schemas."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from asyncapi.schemas import SCHEMAS, schemas
from tools.reference.markdown import items

Schema = Mapping[str, Any]

_FORMATS: Final = {"uuid": "UUID", "date-time": "time", "email": "e-mail address", "password": "secret"}


def fields(model: type[BaseModel], *, optional: str = "may be missing") -> str:
    """Return the list of the fields of *model*; *optional* is said of those that are not required."""
    schema = _named(model.__name__)
    required = schema.get("required", ())
    found = schema.get("properties", {})
    return (
        items(_field(name, each, "" if name in required else optional) for name, each in found.items())
        or "No fields."
    )


def about(model: type[BaseModel]) -> str:
    """Return what the schema says of *model* as a whole."""
    return str(_named(model.__name__)["description"])


def _field(name: str, schema: Schema, optional: str) -> str:
    default = f"`{schema['default']}` if it is missing" if "default" in schema else optional
    traits = ", ".join(filter(None, (_kind(schema), _bounds(schema), default)))
    return f"`{name}`: {traits}. {schema.get('description', '')}".rstrip()


def _kind(schema: Schema) -> str:
    if "$ref" in schema or "allOf" in schema:
        return _referred(schema.get("$ref") or schema["allOf"][0]["$ref"])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "const" in schema:
        return f"always `{schema['const']}`"
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'])}"
    return _FORMATS.get(schema.get("format", ""), str(schema["type"]))


def _referred(reference: str) -> str:
    name = reference.removeprefix(SCHEMAS)
    values = _named(name).get("enum")
    return " or ".join(f"`{each}`" for each in values) if values else f"`{name}`"


def _bounds(schema: Schema) -> str:
    if "maxLength" in schema:
        return f"{schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "maximum" in schema and schema["maximum"] < 2**53 - 1:
        return f"{schema['minimum']} to {schema['maximum']}"
    return ""


def _named(name: str) -> Schema:
    schema: Schema = _schemas()[name]
    return schema


@cache
def _schemas() -> dict[str, Any]:
    return schemas()
