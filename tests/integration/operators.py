"""`profilectl`, as operators type it at the broker."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aio_pika

from service.infrastructure.rabbitmq.dead_letter import source_queues
from tests import forking
from tests.builders import NOON
from tests.integration.connections import connect
from tools.servers.sandbox import Sandbox

# A developer's `.env`, which may name other servers, is not in here.
FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def audit(self) -> list[dict[str, Any]]:
        """The lines of the audit trail."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]


async def profilectl(sandbox: Sandbox, *words: str, typed: str = "", **more: str) -> Said:
    """Run it as the broker user of the service, unless *more* says otherwise; *typed* is what it reads."""
    environment = {**os.environ, "COLUMNS": "200", "RABBITMQ_URL": sandbox.service_url, **more}
    ended = await asyncio.to_thread(forking.run, ["service.cli", *words], environment, typed, folder=FOLDER)
    assert "Traceback" not in ended.stderr, ended.stderr
    return Said(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True, slots=True)
class Letters:
    """Puts letters into queues, and looks what is in a queue by taking everything out."""

    channel: aio_pika.abc.AbstractChannel

    async def put(self, queue: str, *ids: str, body: bytes | None = None, **headers: Any) -> None:
        """Put a letter for each of *ids* into *queue*; *headers* have `_` for `-`."""
        usual: dict[str, Any] = {
            "x-error-code": "internal",
            "x-error-reason": "internal_error",
            "x-error-type": "KeyError",
            "x-failed-at": NOON.isoformat(),
            "x-original-queue": queue.removesuffix(".dlq"),
            "x-replayable": True,
        }
        given = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
        for each in ids:
            message = aio_pika.Message(
                body or json.dumps({"id": each}).encode(),
                message_id=each,
                headers=given,
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await self.channel.default_exchange.publish(message, queue)

    async def take(self, queue: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
        """Take all messages out of *queue*."""
        source = await self.channel.get_queue(queue, ensure=False)
        taken = []
        while (message := await source.get(no_ack=True, fail=False)) is not None:
            taken.append(message)
        return taken

    async def ids(self, queue: str) -> list[str | None]:
        """Take all messages out of *queue*, and return their ids."""
        return [each.message_id for each in await self.take(queue)]

    async def clear(self) -> None:
        """Empty every queue that letters lie in or go to."""
        for queue in {*source_queues(), *frozenset().union(*source_queues().values())}:
            await (await self.channel.get_queue(queue, ensure=False)).purge()


@asynccontextmanager
async def letters_in(sandbox: Sandbox) -> AsyncIterator[Letters]:
    """Connect as the service, and disconnect at the end."""
    async with await connect(sandbox.service_url) as connection:
        yield Letters(await connection.channel())
