"""A gateway as others would write it: plain aio-pika, no code of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

REPLY_TO = "amq.rabbitmq.reply-to"


@dataclass(slots=True)
class Gateway:
    """Sends requests to queues and waits for the replies on one channel."""

    user: str | None
    channel: AbstractChannel
    exchange: aio_pika.abc.AbstractExchange
    waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = field(default_factory=dict)

    async def ask(
        self,
        queue: str,
        body: object,
        *,
        token: str | None = None,
        timeout: float = 15.0,  # noqa: ASYNC109 - handed on to asyncio.timeout
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
        timeout: float = 15.0,  # noqa: ASYNC109 - handed on to asyncio.timeout
        **properties: Any,
    ) -> AbstractIncomingMessage:
        """Return the reply as it came."""
        message = self.message(body, token=token, **properties)
        key = message.correlation_id or message.message_id or ""
        reply = self.waiting[key] = asyncio.get_running_loop().create_future()
        try:
            await self.exchange.publish(message, queue)
            async with asyncio.timeout(timeout):
                return await reply
        finally:
            del self.waiting[key]

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
        waiting = self.waiting.get(reply.correlation_id or "")
        if waiting and not waiting.done():
            waiting.set_result(reply)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Gateway]:
    """Connect as the user that *url* names, and disconnect at the end."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        exchange = await channel.get_exchange("profile.commands", ensure=False)
        gateway = Gateway(connection.url.user, channel, exchange)
        replies = await channel.get_queue(REPLY_TO, ensure=False)
        await replies.consume(gateway.on_reply, no_ack=True)
        yield gateway
