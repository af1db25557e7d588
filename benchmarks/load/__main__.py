"""Sends the requests of a plan, whenever it is told to: `python -m benchmarks.load PLAN.json`."""

import json
import sys
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.load.amqp import AmqpLoad
from benchmarks.load.http import HttpLoad
from benchmarks.load.runs import obey


async def main(plan: dict[str, Any]) -> None:
    """Connect, and obey."""
    load = HttpLoad(plan) if plan["url"].startswith("http") else await AmqpLoad.connected(plan)
    await obey(load.run)


if __name__ == "__main__":
    uvloop.run(main(json.loads(Path(sys.argv[1]).read_text())))
