"""The floor of everything on aio-pika: a request comes, its JSON goes back. No database, uvloop, orjson."""

import asyncio
import os

import orjson
import uvloop
from aio_pika import Message, connect_robust
from aio_pika.abc import AbstractIncomingMessage

IN_FLIGHT = 64


async def main() -> None:
    """Answer until we are ended."""
    connection = await connect_robust(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=IN_FLIGHT)
        exchange = channel.default_exchange

        async def on_message(message: AbstractIncomingMessage) -> None:
            reply = Message(orjson.dumps(orjson.loads(message.body)), correlation_id=message.correlation_id)
            await exchange.publish(reply, message.reply_to or "")
            await message.ack()

        queue = await channel.declare_queue("bench.echo", auto_delete=True)
        await queue.consume(on_message)
        print("ready", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main())
