"""The memory of a worker in front of very many commands that wait in its queue."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import aio_pika

from benchmarks.comparison.checks import limited
from benchmarks.comparison.processes import ProcessTree
from benchmarks.comparison.results import Check
from service.pkg.management_api import ManagementApi
from tools.servers.sandbox import GATEWAY, Sandbox
from tools.servers.waiting import wait_until

COMMANDS: Final = 100_000
_SHARE: Final = 1.2
_QUEUE: Final = "profile.update"
# A good part of the backlog must be there while the worker is looked at, or it shows nothing.
_ENOUGH: Final = 0.5 * COMMANDS
_SECONDS: Final = 10.0
_LIMIT_SECONDS: Final = 120.0


def backlog_check(sandbox: Sandbox, worker: ProcessTree, profiles: Sequence[str]) -> Check:
    """Return how much more memory *worker* needs in front of a backlog, which stays in the sandbox."""
    idle = worker.rss_mb()
    asyncio.run(_publish(sandbox.gateway_url, profiles))
    management = ManagementApi.of(sandbox.management_url, sandbox.admin_url)

    def is_there() -> bool:
        return int(management.get("queues", sandbox.vhost, _QUEUE).get("messages", 0)) >= _ENOUGH

    wait_until(is_there, within=_LIMIT_SECONDS)
    until, most = time.monotonic() + _SECONDS, 0.0
    while time.monotonic() < until:
        most = max(most, worker.rss_mb())
        time.sleep(0.1)  # between two looks at its memory
    name = f"memory of a worker with {COMMANDS:,} commands waiting, of idle"
    return limited(name, round(most / idle, 3), _SHARE)


async def _publish(url: str, profiles: Sequence[str]) -> None:
    """Publish commands that nobody waits for; a command without a reply is retried until it is done."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        exchange = await channel.get_exchange("profile.commands", ensure=False)
        for number in range(COMMANDS):
            body = {"id": profiles[number % len(profiles)], "last_name": f"King {number}"}
            message = aio_pika.Message(
                json.dumps(body).encode(),
                content_type="application/json",
                message_id=uuid4().hex,
                user_id=GATEWAY,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(message, _QUEUE, mandatory=False)
