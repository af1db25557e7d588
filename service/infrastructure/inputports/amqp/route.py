"""Where messages come from, and what the pipeline knows of them before they come."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Self

from pydantic import BaseModel

from profile_contracts.fields import Request
from profile_contracts.operations import Kind, Operation
from service.infrastructure.inputports.amqp import retries
from service.infrastructure.rabbitmq.topology import DEAD_LETTERS

# Carries out what was decoded, for who asks; of an event, nobody does.
Handler = Callable[[Any, Any], Awaitable[BaseModel | None]]


class MessageKind(Enum):
    """What messages of one queue are."""

    COMMAND = auto()
    QUERY = auto()
    EVENT = auto()  # of this service itself
    UNROUTABLE = auto()  # with a routing key that no operation has


async def nothing(_message: object, _caller: object) -> None:
    """Handle what is refused anyway."""


@dataclass(frozen=True, slots=True)
class Route:
    """One queue.

    Attributes:
        queue: For requests, this is also the name of the operation.
        handle: Carries out what was decoded.
        request: The body of a request.
        reads_token: Whether the access token is read.
        is_retryable: Whether fire-and-forget messages are worth carrying out later.
        needs_second_factor: Whether it is refused to who needs a second factor, and has shown none.

    """

    queue: str
    kind: MessageKind
    handle: Handler = nothing
    request: type[Request] = Request
    reads_token: bool = False
    is_retryable: bool = False
    needs_second_factor: bool = False

    @classmethod
    def of(cls, operation: Operation[Any, Any], handle: Handler) -> Self:
        """Return the route of the requests for *operation*."""
        kind = MessageKind.COMMAND if operation.kind is Kind.COMMAND else MessageKind.QUERY
        return cls(
            operation.queue,
            kind,
            handle,
            operation.request,
            operation.authentication == "bearer",
            retries.is_retryable(operation),
            operation.needs_second_factor,
        )

    @property
    def dead_letters(self) -> str:
        """The queue for what is left of messages that could not be handled."""
        return f"{self.queue}{DEAD_LETTERS}"


# For which routes something is there.
Condition = Callable[[Route], bool]


def of_kind(*kinds: MessageKind) -> Condition:
    """Return a condition that holds for messages of these kinds."""
    return lambda route: route.kind in kinds


def is_retryable(route: Route) -> bool:
    """Return whether fire-and-forget messages are worth carrying out later."""
    return route.is_retryable


is_command: Final = of_kind(MessageKind.COMMAND)
is_query: Final = of_kind(MessageKind.QUERY)
is_request: Final = of_kind(MessageKind.COMMAND, MessageKind.QUERY)
is_event: Final = of_kind(MessageKind.EVENT)
is_unroutable: Final = of_kind(MessageKind.UNROUTABLE)
is_command_or_unroutable: Final = of_kind(MessageKind.COMMAND, MessageKind.UNROUTABLE)
# Whether messages lead to a use case, and whether somebody may wait for a reply.
is_handled: Final = of_kind(MessageKind.COMMAND, MessageKind.QUERY, MessageKind.EVENT)
is_answered: Final = of_kind(MessageKind.COMMAND, MessageKind.QUERY, MessageKind.UNROUTABLE)
is_any: Final = of_kind(*MessageKind)
