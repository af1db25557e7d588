"""Commands that come more than once: a broker delivers at least once, and callers ask again."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from service.domain.errors import Conflict

Thing = TypeVar("Thing")


class MessageIdReused(Conflict):
    """Another command was sent with this message id before."""


class AlreadyMade(Exception):
    """The same command has made a thing before."""


@dataclass(frozen=True, slots=True)
class CommandId:
    """What tells one command from another.

    Attributes:
        message_id: The name that the sender gave to it.
        digest: A keyed digest of who asked for what.

    """

    message_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Handled(Generic[Thing]):
    """A command that was carried out before, and the thing as it was after that."""

    command: CommandId
    result: Thing

    def for_command(self, command: CommandId) -> Thing:
        """Return the result for *command*, or raise `MessageIdReused` if it is another one."""
        if command.digest != self.command.digest:
            raise MessageIdReused
        return self.result
