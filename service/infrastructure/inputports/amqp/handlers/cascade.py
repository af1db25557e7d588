"""The service's own events: from the wire to a command."""

from uuid import UUID

from profile_contracts.events import PostEvent, ProfileEvent
from service.app.commands.cascade_profile_status import CascadeProfileStatus, CascadeProfileStatusHandler
from service.infrastructure.inputports.amqp.route import MessageKind, Route
from service.infrastructure.inputports.amqp.router import QueueBinding, Router


def subscribe_cascade(
    router: Router, binding: QueueBinding, cascade_profile_status: CascadeProfileStatusHandler
) -> None:
    """Let the posts of a user follow what happens to the profile."""

    async def cascade(event: ProfileEvent | PostEvent, _: None) -> None:
        if owner := _owner(event):
            await cascade_profile_status.handle(CascadeProfileStatus(owner))

    route = Route(binding.queue.name, MessageKind.EVENT, cascade)
    router.consume(route, binding, "Let posts follow their owners.")


def _owner(event: ProfileEvent | PostEvent) -> UUID | None:
    """Return the user whose posts may have to follow, or `None` if *event* moves none."""
    if isinstance(event, PostEvent):
        return event.user_id
    return event.id if "status" in event.changed else None
