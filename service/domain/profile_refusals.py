"""Why something about a profile is refused."""

from service.domain.errors import Conflict, NotFound


class ProfileNotFound(NotFound):
    """There is no such profile."""

    field = "id"


class EmailTaken(Conflict):
    """Another profile has this e-mail address."""

    field = "email"


class LastAdmin(Conflict):
    """This is the last administrator: make another one first."""


class NotDeleted(Conflict):
    """This profile is not deleted, or has been erased since."""
