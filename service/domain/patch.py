"""Partial updates: which fields get a new value."""

from dataclasses import dataclass, fields
from typing import Any

from service.domain.errors import Invalid


class NothingToChange(Invalid):
    """A patch provides no value."""

    reason = "nothing_to_change"
    message = "Name at least one field to change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """New values for some fields of an aggregate; `None` leaves a field as it is."""

    def provided(self) -> dict[str, object]:
        """Return the new values by the name of their field."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def diff(self, aggregate: Any) -> dict[str, object]:  # noqa: ANN401 - of its own kind
        """Return those of the new values that *aggregate* does not have already.

        Raises:
            NothingToChange: No field was named.

        """
        if not (provided := self.provided()):
            raise NothingToChange
        return {name: value for name, value in provided.items() if getattr(aggregate, name) != value}
