"""Answers `auth.keys` in place of a worker, always the same, so that clients are measured and no worker."""

import asyncio
import os
from typing import Final

import uvloop
from aio_pika import Message, connect_robust
from aio_pika.abc import AbstractIncomingMessage

_PREFETCH: Final = 2000
_REPLY: Final = b'{"ok":true,"result":{"keys":[]}}'


async def main() -> None:
    """Answer until we are ended."""
    connection = await connect_robust(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=_PREFETCH)
        exchange = channel.default_exchange

        async def on_message(message: AbstractIncomingMessage) -> None:
            reply = Message(_REPLY, correlation_id=message.correlation_id, type="auth.keys.reply")
            # RabbitMQ before 4 would send a mandatory direct reply back, too.
            await exchange.publish(reply, message.reply_to or "", mandatory=False)

        queue = await channel.get_queue("auth.keys", ensure=False)
        await queue.consume(on_message, no_ack=True)
        print("ready", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main())
