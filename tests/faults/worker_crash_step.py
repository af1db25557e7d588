"""A process that changes one profile as a worker does, and dies at a given step of it.

`python -m tests.faults.worker_crash_step STEP PROFILE`; the environment names `MONGO_URL` and `RABBITMQ_URL`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from uuid import UUID

from aio_pika import Message

from service.app.outbox import PendingEvents
from service.domain.profile import ProfilePatch
from service.infrastructure.clock import SystemClock
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.rabbitmq.outbox_relay import Relay
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.pkg.background import Background
from service.pkg.database import default_database, open_mongo

STEPS = (
    "before the write",
    "after the write",
    "before the publish",
    "after the publish",
    "before it is forgotten",
    "after it is forgotten",
)


def ping(step: str) -> None:
    """End this process, as the kernel does when memory is short, if *step* is where it has to die."""
    if sys.argv[1] == step:
        os.kill(os.getpid(), signal.SIGKILL)


class Publisher(RabbitPublisher):
    """Publishes for real, between two steps."""

    async def publish_event(self, event: Message, routing_key: str, *, needed: bool) -> None:
        """Publish *event*."""
        ping("before the publish")
        await super().publish_event(event, routing_key, needed=needed)
        ping("after the publish")


class Outbox(MongoOutbox):
    """Forgets for real, between two steps."""

    async def mark_published(self, published: Sequence[PendingEvents]) -> None:
        """Take events out."""
        ping("before it is forgotten")
        await super().mark_published(published)
        ping("after it is forgotten")


async def main() -> None:
    """Change the profile, and tell of it."""
    database = default_database(open_mongo(os.environ["MONGO_URL"]))
    clock, publisher = SystemClock(), Publisher(os.environ["RABBITMQ_URL"])
    async with publisher:
        relay = Relay(Outbox(database), publisher, clock, frozenset(), Background(print))
        profiles = MongoProfiles(database, relay.notify)
        profile = await profiles.get(UUID(sys.argv[2]))
        changed = profile.updated(ProfilePatch(last_name=f"King {profile.version}"), clock.now())
        ping("before the write")
        await profiles.save(changed)
        ping("after the write")
        async with relay.running():
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
