"""The floor of every read: PyMongo's asyncio API in a loop, without a broker. It is its own load."""

import asyncio
import json
import os
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

from pymongo import AsyncMongoClient

from benchmarks.load.runs import Tally, obey
from benchmarks.peers.profiles import COLLECTION


async def main(ids: list[str]) -> None:
    """Read what the plan names, whenever we are told to."""
    every = cycle([UUID(each) for each in ids])
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        os.environ["MONGO_URL"], uuidRepresentation="standard"
    )
    profiles = client.get_default_database()[COLLECTION]

    async def run(seconds: float, in_flight: int) -> Tally:
        tally, until = Tally(), time.perf_counter() + seconds

        async def read_on() -> None:
            while (sent := time.perf_counter()) < until:
                document = await profiles.find_one({"id": next(every)})
                tally.note(sent, good=document is not None, reply=b"")

        await asyncio.gather(*(read_on() for _ in range(in_flight)))
        return tally

    await obey(run)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())["ids"]))
