"""The floor of everything on FastStream: a request comes, its JSON goes back. No database, uvloop."""

import os
from typing import Any

import uvloop
from faststream import FastStream
from faststream.rabbit import RabbitBroker, RabbitQueue

broker = RabbitBroker(os.environ["AMQP_URL"])
app = FastStream(broker)


@broker.subscriber(RabbitQueue("bench.faststream.echo", auto_delete=True))
async def echo(request: dict[str, Any]) -> dict[str, Any]:
    """Answer with what came."""
    return request


@app.after_startup
async def say_so() -> None:
    """Let the benchmark begin."""
    print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(app.run())
