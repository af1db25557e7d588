"""Hears events as another service would: with a queue of its own on the exchange `profile.events`."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from pydantic import JsonValue
from rich.console import Console
from rich.markup import escape
from yarl import URL

from profile_contracts.events import EVENTS_EXCHANGE, Event

_QUEUE: Final = "gateway.demo"


@dataclass(slots=True)
class Listener:
    """Keeps the events that it has heard, each once, in the order in which they came."""

    events: dict[str, Event[JsonValue]] = field(default_factory=dict)
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """Keep the event in *message*. One that comes twice has the same id."""
        event = Event[JsonValue].model_validate_json(message.body)
        async with self._heard:
            self.events.setdefault(event.id, event)
            self._heard.notify_all()

    async def missing(self, expected: Collection[str], within: float = 10.0) -> list[str]:
        """Wait for events of all *expected* types; return those that have not come *within* seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._heard:
                await self._heard.wait_for(lambda: not self._unheard(expected))
        return self._unheard(expected)

    def show(self, console: Console) -> None:
        """Print what was heard."""
        console.print(f"\n[bold]Events heard in the queue {_QUEUE}[/]")
        for event in self.events.values():
            console.print(
                f"  [dim]←[/] {event.type} [dim]{event.subject}[/]\n    {escape(json.dumps(event.data))}"
            )

    def _unheard(self, expected: Collection[str]) -> list[str]:
        types = {event.type for event in self.events.values()}
        return [name for name in expected if name not in types]


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Listener]:
    """Hear all events inside the block."""
    listener = Listener()
    async with await aio_pika.connect(URL(url).update_query(name="demo-listener")) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(_QUEUE, exclusive=True, auto_delete=True)
        await queue.bind(EVENTS_EXCHANGE, "#")
        await queue.consume(listener.hear, no_ack=True)
        yield listener
