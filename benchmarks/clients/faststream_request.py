"""FastStream's own: `broker.request`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from faststream.rabbit import RabbitBroker, RabbitExchange

from benchmarks.clients.in_flight import keep_in_flight
from benchmarks.load.runs import Tally, obey

_SECONDS: Final = 120.0


async def main(url: str) -> None:
    """Connect, and obey."""
    exchange = RabbitExchange("profile.commands", declare=False)
    async with RabbitBroker(url) as broker:
        await broker.connect()

        async def call() -> bool:
            reply = await broker.request(b"{}", "auth.keys", exchange, timeout=_SECONDS)
            return b'"ok":true' in reply.body

        async def run(seconds: float, in_flight: int) -> Tally:
            return await keep_in_flight(call, seconds, in_flight)

        await obey(run)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())["url"]))
