"""The client of `profile-contracts`."""

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.clients.in_flight import keep_in_flight
from benchmarks.load.runs import Tally, obey
from profile_contracts.client import ProfileClient
from profile_contracts.client.replies import ReplyMode


async def main(url: str, replies: ReplyMode = "direct") -> None:
    """Connect, and obey."""
    async with ProfileClient(url, name="bench", timeout=120, replies=replies) as client:

        async def call() -> bool:
            await client.keys()
            return True

        async def run(seconds: float, in_flight: int) -> Tally:
            return await keep_in_flight(call, seconds, in_flight)

        await obey(run)


if __name__ == "__main__":
    plan = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(main(plan["url"], plan.get("replies", "direct")))
