"""Changes to a thing, whatever it is, and what can be wrong with them."""

from dataclasses import dataclass, fields

from service.domain.errors import Conflict, Invalid


class StaleVersion(Conflict):
    """It has changed since the version you know."""

    field = "expected_version"


class StandingMoved(Exception):
    """Sessions of whoever asks have ended, or their standing has changed: prove it again."""


class NothingToChange(Invalid):
    """Name at least one field to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """New values for some fields of a thing; `None` leaves a field as it is."""

    def named(self) -> dict[str, object]:
        """Return the new values by the name of their field."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def to(self, thing: object) -> dict[str, object]:
        """Return those of the new values that *thing* does not have already.

        Raises:
            NothingToChange: No field was named.

        """
        if not (named := self.named()):
            raise NothingToChange
        return {name: value for name, value in named.items() if getattr(thing, name) != value}
