"""A gateway as others would write it: plain aio-pika, no code of ours."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage

from tests.integration.connections import connect

REPLY_TO = "amq.rabbitmq.reply-to"
COMMANDS = "profile.commands"

Found = TypeVar("Found")


async def eventually(look: Callable[[], Awaitable[Found]], *, within: float = 60.0) -> Found:
    """Return the first truthy thing that *look* finds, or raise `TimeoutError` after *within* seconds."""
    deadline = time.monotonic() + within
    pause = 0.002  # most things are there soon; on what takes longer, many looks would be a load
    while not (found := await look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s; last seen: {found!r}")
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, 0.2)
    return found


@dataclass(slots=True)
class Gateway:
    """Sends requests to queues and waits for the replies on one channel.

    Attributes:
        replies: Every reply that ever came, whether anybody waited for it or not.
        sent: How many requests were sent, by queue.

    """

    user: str | None
    channel: AbstractChannel
    exchange: AbstractExchange
    waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = field(default_factory=dict)
    replies: list[AbstractIncomingMessage] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    async def ask(
        self,
        queue: str,
        body: object,
        *,
        token: str | None = None,
        timeout: float = 60.0,  # noqa: ASYNC109 - handed on to asyncio.timeout
        **properties: Any,
    ) -> dict[str, Any]:
        """Return the decoded reply; *body* may be bytes, which are sent as they are."""
        reply = await self.ask_raw(queue, body, token=token, timeout=timeout, **properties)
        decoded: dict[str, Any] = json.loads(reply.body)
        return decoded

    async def ask_raw(
        self,
        queue: str,
        body: object,
        *,
        token: str | None = None,
        timeout: float = 60.0,  # noqa: ASYNC109 - handed on to asyncio.timeout
        **properties: Any,
    ) -> AbstractIncomingMessage:
        """Return the reply as it came."""
        message = self.message(body, token=token, **properties)
        key = message.correlation_id or message.message_id or ""
        reply: asyncio.Future[AbstractIncomingMessage] = asyncio.get_running_loop().create_future()
        self.waiting[key] = reply
        try:
            await self.send(queue, message)
            async with asyncio.timeout(timeout):
                return await reply
        finally:
            del self.waiting[key]

    async def tell(self, queue: str, body: object, **properties: Any) -> None:
        """Send a request that nobody waits for."""
        await self.send(queue, self.message(body, **{"reply_to": None, **properties}))

    async def send(self, queue: str, message: aio_pika.Message) -> None:
        """Publish *message* as it is."""
        self.sent[queue] += 1
        await self.exchange.publish(message, queue, mandatory=False)

    def message(self, body: object, *, token: str | None = None, **properties: Any) -> aio_pika.Message:
        """Return a request, with *properties* in place of the usual ones."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        usual: dict[str, Any] = {
            "content_type": "application/json",
            "correlation_id": uuid4().hex,
            "reply_to": REPLY_TO,
            "user_id": self.user,
        }
        given = {**usual, **properties, "headers": {**headers, **properties.get("headers", {})}}
        return aio_pika.Message(body if isinstance(body, bytes) else json.dumps(body).encode(), **given)

    async def on_reply(self, reply: AbstractIncomingMessage) -> None:
        """Hand *reply* to whoever waits for it."""
        self.replies.append(reply)
        waiting = self.waiting.get(reply.correlation_id or "")
        if waiting and not waiting.done():
            waiting.set_result(reply)

    def replies_to(self, correlation_id: str | None) -> int:
        """Return how many replies have come with *correlation_id*."""
        return sum(reply.correlation_id == correlation_id for reply in self.replies)


@asynccontextmanager
async def connected(url: str, exchange: str = COMMANDS) -> AsyncIterator[Gateway]:
    """Connect as the user that *url* names, to publish to *exchange*; disconnect at the end."""
    async with await connect(url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        gateway = Gateway(connection.url.user, channel, target)
        replies = await channel.get_queue(REPLY_TO, ensure=False)
        await replies.consume(gateway.on_reply, no_ack=True)
        yield gateway
