"""aio-pika and PyMongo's asyncio API, after the tutorials of both. With `uvloop` as argument, on uvloop."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from aio_pika import Message, connect_robust
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from pymongo import AsyncMongoClient, ReturnDocument

from benchmarks.peers.profiles import COLLECTION, to_json

IN_FLIGHT = 64
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def answering(handler: Handler, exchange: AbstractExchange) -> Callable[[AbstractIncomingMessage], Any]:
    """Return what a queue calls: *handler* between JSON and JSON."""

    async def on_message(message: AbstractIncomingMessage) -> None:
        async with message.process():
            reply = await handler(json.loads(message.body))
            assert message.reply_to is not None  # noqa: S101 - as in the tutorial
            await exchange.publish(
                Message(
                    json.dumps(reply).encode(),
                    content_type="application/json",
                    correlation_id=message.correlation_id,
                ),
                routing_key=message.reply_to,
            )

    return on_message


async def main() -> None:
    """Answer until we are ended."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        os.environ["MONGO_URL"], uuidRepresentation="standard"
    )
    profiles = client.get_default_database()[COLLECTION]

    async def get(request: dict[str, Any]) -> dict[str, Any]:
        document = await profiles.find_one({"id": UUID(request["id"])})
        return to_json(document)

    async def update(request: dict[str, Any]) -> dict[str, Any]:
        document = await profiles.find_one_and_update(
            {"id": UUID(request["id"])},
            {"$set": {"last_name": request["last_name"]}},
            return_document=ReturnDocument.AFTER,
        )
        return to_json(document)

    connection = await connect_robust(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=IN_FLIGHT)
        name = f"bench.{sys.argv[1]}"
        for operation, handler in (("get", get), ("update", update)):
            queue = await channel.declare_queue(f"{name}.{operation}", auto_delete=True)
            await queue.consume(answering(handler, channel.default_exchange))
        print("ready", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
