"""What a stage needs to be run by itself."""

from typing import Any

from profile_contracts.operations import PROFILE_GET, Operation
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.route import MessageKind, Route, nothing
from tests.fakes.broker import FakeBroker

CASCADE = Route("profile.followup", MessageKind.EVENT)
UNROUTABLE = Route("profile.unroutable", MessageKind.UNROUTABLE)


def a_route(operation: Operation[Any, Any]) -> Route:
    """Return the route of *operation*, whose handler does nothing."""
    return Route.of(operation, nothing)


def a_context(
    body: bytes = b"{}",
    route: Route | Operation[Any, Any] = PROFILE_GET,
    broker: FakeBroker | None = None,
    **properties: Any,
) -> MessageContext:
    """Return a message that has just arrived."""
    message = (broker or FakeBroker()).deliver(body, **properties)
    route = route if isinstance(route, Route) else a_route(route)
    return MessageContext(message, route, message_id=message.message_id)


class Rest:
    """What comes after a stage.

    Attributes:
        seen: The contexts that went on.

    """

    def __init__(self, error: BaseException | None = None) -> None:
        self.seen: list[MessageContext] = []
        self.error = error

    async def __call__(self, context: MessageContext) -> None:
        """Note that it went on; fail if that is wanted."""
        self.seen.append(context)
        if self.error:
            raise self.error
