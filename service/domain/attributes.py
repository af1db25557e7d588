"""What adopters keep about a user beside the fields that there are: a flat map of names to values."""

import json
from collections.abc import Mapping
from typing import Final

from service.domain.errors import Invalid

Value = str | int | float | bool
Attributes = Mapping[str, Value]
# Of an update: what has no value goes.
AttributesPatch = Mapping[str, Value | None]

MAX_NAMES: Final = 32
MAX_BYTES: Final = 4 * 1024


class AttributesTooLarge(Invalid):
    """A profile is no place for documents."""

    reason = "attributes_too_large"
    message = "A profile has at most 32 attributes, of 4 KiB in all."
    field = "attributes"


def merged(attributes: Attributes, patch: AttributesPatch) -> Attributes:
    """Return *attributes* with those of *patch*, and without those that it gives no value.

    Raises:
        AttributesTooLarge

    """
    after = {**attributes, **patch}
    return checked({name: value for name, value in after.items() if value is not None})


def checked(attributes: Attributes) -> Attributes:
    """Return *attributes*, if they are not too many or too large; else raise `AttributesTooLarge`."""
    if len(attributes) > MAX_NAMES or size_of(attributes) > MAX_BYTES:
        raise AttributesTooLarge
    return attributes


def are_same(one: Attributes, other: Attributes) -> bool:
    """Return whether two maps are the same: Python takes 1, 1.0 and True for equal."""
    return _written(one) == _written(other)


def size_of(attributes: Attributes) -> int:
    """Return how many bytes of JSON they are; 0, if there are none."""
    return len(_written(attributes)) if attributes else 0


def _written(attributes: Attributes) -> bytes:
    return json.dumps(attributes, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
