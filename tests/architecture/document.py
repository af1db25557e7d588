"""Looks things up in the AsyncAPI document, and holds values to its schemas."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT7

# RFC 3339 as its authors meant it: a date alone, or a moment without an offset, is none.
FORMATS = FormatChecker()
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(value: object) -> bool:
    """Tell whether a string is a moment in time."""
    if not isinstance(value, str):
        return True
    return MOMENT.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None


def resolve(document: dict[str, Any], reference: str) -> Any:
    """Return what *reference* points to, or raise KeyError."""
    assert reference.startswith("#/")
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def references(value: object) -> Iterator[str]:
    """Yield every `$ref` in *value*."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def complaints(document: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    """Return what is wrong with *value* by a schema of the document."""
    resource = DRAFT7.create_resource(document)
    registry: Registry[Any] = Registry().with_resource("urn:asyncapi", resource)
    target = {"$ref": f"urn:asyncapi{schema['$ref']}"}
    validator = Draft7Validator(target, registry=registry, format_checker=FORMATS)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
