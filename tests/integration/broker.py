"""The broker as its administrator sees it: the management API, and a look into any queue."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from service.infrastructure.rabbitmq.topology import CONSUMED
from service.pkg.management_api import ManagementApi
from tests.integration.connections import connect
from tests.integration.gateway import eventually
from tools.servers.sandbox import Sandbox


@dataclass(slots=True)
class Broker:
    """What an administrator may do.

    Attributes:
        letters: The dead letters that were taken out so far, by operation.

    """

    management: ManagementApi
    vhost: str
    channel: AbstractChannel
    letters: dict[str, list[AbstractIncomingMessage]] = field(default_factory=lambda: defaultdict(list))

    async def look(self, *path: str) -> Any:
        """Return what the management API says about *path*."""
        return await asyncio.to_thread(self.management.get, *path)

    async def look_here(self, what: str, *path: str) -> Any:
        """Return what the management API says about *what* in our virtual host."""
        return await self.look(what, self.vhost, *path)

    async def ask_here(self, what: str, *path: str, body: object) -> Any:
        """Return what the management API answers to *body* about *what* in our virtual host."""
        return await asyncio.to_thread(self.management.post, what, self.vhost, *path, body=body)

    async def connections(self, purpose: str = "") -> list[dict[str, Any]]:
        """Return the connections in our virtual host whose name ends with *purpose*."""
        found = await self.look("vhosts", self.vhost, "connections")
        return [each for each in found if _name(each).endswith(purpose)]

    async def consuming_channels(self) -> set[str]:
        """Return the names of the channels that consume for the service, once the console knows all.

        None keeps its name that is closed and opened again. Other channels come and go: a worker looks at the
        objects of the broker on one of its own, every ten seconds.
        """

        async def all_listed() -> set[str]:
            consumers = [
                each for each in await self.look_here("consumers") if each["queue"]["name"] in CONSUMED
            ]
            names = {dict(each["channel_details"] or {}).get("name", "") for each in consumers}
            # It learns of them late, of those that begin and of those that end. The queues know at once.
            listed = Counter(each["queue"]["name"] for each in consumers)
            is_whole = all([listed[queue] == await self.consumers(queue) for queue in CONSUMED])
            return names if is_whole and "" not in names else set()

        return await eventually(all_listed)

    async def close_connection(self, name: str) -> None:
        """Force a connection to close, as the console's button does."""
        await asyncio.to_thread(self.management.delete, "connections", name)

    async def publish(self, queue: str, body: str, properties: dict[str, Any]) -> None:
        """Publish with these *properties* and no others; aiormq would add a message id."""
        message = {
            "payload": body,
            "payload_encoding": "string",
            "properties": properties,
            "routing_key": queue,
        }
        path = ("exchanges", self.vhost, "amq.default", "publish")
        await asyncio.to_thread(self.management.post, *path, body=message)

    async def reply_queue(self) -> str:
        """Make a queue that RabbitMQ names, and that is gone with our connection."""
        return (await self.channel.declare_queue(exclusive=True)).name

    async def first(self, queue: str) -> AbstractIncomingMessage:
        """Wait for a message in *queue*, which has to be the only one, and take it out."""
        (message,) = await eventually(lambda: self.take(queue))
        return message

    async def ready(self, queue: str) -> int:
        """Return how many messages wait in *queue*, as of now."""
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0

    async def consumers(self, queue: str) -> int:
        """Return how many consumers *queue* has, as of now."""
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.consumer_count or 0

    async def take(self, queue: str) -> list[AbstractIncomingMessage]:
        """Take all messages out of *queue*."""
        source = await self.channel.get_queue(queue, ensure=False)
        taken = []
        while (message := await source.get(no_ack=True, fail=False)) is not None:
            taken.append(message)
        return taken

    async def dead_letters(self, operation: str) -> list[AbstractIncomingMessage]:
        """Return every dead letter of *operation* that there was so far."""
        self.letters[operation] += await self.take(f"{operation}.dlq")
        return self.letters[operation]

    async def dead_letter(self, operation: str, correlation_id: str) -> AbstractIncomingMessage:
        """Wait for the dead letter with *correlation_id*: it comes after the reply."""

        async def look() -> list[AbstractIncomingMessage]:
            letters = await self.dead_letters(operation)
            return [each for each in letters if each.correlation_id == correlation_id]

        (letter,) = await eventually(look)
        return letter


def _name(connection: dict[str, Any]) -> str:
    return str(connection.get("user_provided_name") or connection["name"])


@asynccontextmanager
async def administrating(sandbox: Sandbox) -> AsyncIterator[Broker]:
    """Connect as the administrator, and disconnect at the end."""
    async with await connect(sandbox.admin_url) as connection:
        management = ManagementApi.of(sandbox.management_url, sandbox.admin_url)
        yield Broker(management, sandbox.vhost, await connection.channel())
