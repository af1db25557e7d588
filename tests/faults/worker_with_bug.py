"""A worker with a bug that was put in on purpose, and which may die where that shows.

`python -m tests.faults.worker_with_bug BUG`, with the environment of a worker. It dies a few times only, be
it in one process or in several: then it works on, bug and all, so that what it has done can be looked at.
"""

import itertools
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Self
from unittest.mock import patch

from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.operations import PROFILE_UPDATE
from service import bootstrap, main
from service.cli.worker import worker
from service.domain.profile import Profile
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.stages.add_idempotency_key import AddIdempotencyKey
from service.infrastructure.inputports.amqp.stages.last_resort import LastResort
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.rabbitmq.events import to_message
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from tests.integration.cheap_worker import cheap_hashes

DEATHS: Final = 3
# Beside the log of the worker: a letter for each death.
DEATHS_FILE: Final = "deaths"
# Of the moments at which it may die, it takes every third.
_moments: Iterator[int] = itertools.count(1)


def may_die() -> None:
    """End this process, as the kernel does when memory is short, unless that was often enough."""
    deaths = Path(os.environ["SIGNING_KEYS_DIR"]).with_name(DEATHS_FILE)
    if next(_moments) % 3 == 0 and (not deaths.exists() or deaths.stat().st_size < DEATHS):
        with deaths.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)


class Acknowledged:
    """A message that was acknowledged already."""

    def __init__(self, message: AbstractIncomingMessage) -> None:
        self._message = message

    def __getattr__(self, name: str) -> Any:
        """Be as the message otherwise."""
        return getattr(self._message, name)

    async def ack(self) -> None:
        """Do nothing."""


_rescue = LastResort.__call__


async def acknowledge_first(self: LastResort, context: MessageContext, call_next: CallNext) -> None:
    """Acknowledge a message before it is carried out; carry it out, if there is time."""
    message = context.message
    await message.ack()
    if context.route.queue == PROFILE_UPDATE.queue and not message.reply_to:
        # The broker answers in order: after this it knows of the acknowledgement.
        await message.channel.queue_declare(context.route.queue, passive=True)
        may_die()
    acknowledged: Any = Acknowledged(message)
    context.message = acknowledged
    await _rescue(self, context, call_next)


async def forget_key(_self: AddIdempotencyKey, context: MessageContext, call_next: CallNext) -> None:
    """Give no command a key, so that it is a new one each time it comes."""
    await call_next(context)


class OpenPublisher(RabbitPublisher):
    """The one that is open."""

    opened: "OpenPublisher"

    async def __aenter__(self) -> Self:
        """Connect."""
        OpenPublisher.opened = self
        return await super().__aenter__()


class HastyProfiles(MongoProfiles):
    """Tells of a change before it stores it."""

    async def save(
        self, profile: Profile, *, require_other_admin: bool = False, authorized_by: Profile | None = None
    ) -> None:
        """Tell of a changed profile; store it, if there is time."""
        for event in profile.events:
            await OpenPublisher.opened.publish_event(to_message(event), event.type.value, needed=False)
        may_die()
        await super().save(profile, require_other_admin=require_other_admin, authorized_by=authorized_by)


# By their names: what is put in the place of what.
BUGS: Final[dict[str, tuple[AbstractContextManager[Any], ...]]] = {
    "ack before the write": (patch.object(LastResort, "__call__", acknowledge_first),),
    "no dedupe": (patch.object(AddIdempotencyKey, "__call__", forget_key),),
    "event before the commit": (
        patch.object(main, "RabbitPublisher", OpenPublisher),
        patch.object(bootstrap, "MongoProfiles", HastyProfiles),
    ),
}


if __name__ == "__main__":
    for each in (cheap_hashes(), *BUGS[sys.argv[1]]):
        each.__enter__()
    worker()
