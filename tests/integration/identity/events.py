"""What the service tells the world, heard by somebody else."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.events import EVENTS_EXCHANGE, SESSION_REVOKED
from tests.integration.connections import connect
from tests.integration.gateway import eventually

ENVELOPE = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}


@dataclass(slots=True)
class Listener:
    """Hears every event of a virtual host."""

    messages: list[AbstractIncomingMessage] = field(default_factory=list)

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """Keep *message*."""
        self.messages.append(message)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one type so far."""
        return [json.loads(each.body) for each in self.messages if each.routing_key == kind]

    def revoked(self, user_id: str) -> list[dict[str, Any]]:
        """Return the data of what was told of the sessions of a user."""
        told = [event["data"] for event in self.events(SESSION_REVOKED.name)]
        return [data for data in told if data["user_id"] == user_id]

    async def revocation(self, user_id: str, reason: str) -> dict[str, Any]:
        """Wait for the first event that tells that sessions of a user ended for *reason*; return its data."""

        async def look() -> list[dict[str, Any]]:
            return [data for data in self.revoked(user_id) if data["reason"] == reason]

        return (await eventually(look))[0]


@asynccontextmanager
async def listening(admin_url: str) -> AsyncIterator[Listener]:
    """Hear events inside the block."""
    async with await connect(admin_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS_EXCHANGE, "#")
        listener = Listener()
        await queue.consume(listener.hear, no_ack=True)
        yield listener
