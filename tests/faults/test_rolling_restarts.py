"""Workers that are replaced one after the other under load. `make faults` sets `RESTARTS` and `RATE`."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE
from tests.faults.load import Load, assert_done_once, load_on
from tests.faults.worker_logging import AGAIN
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import connected, eventually
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

RESTARTS = int(os.environ.get("RESTARTS", "1"))
# Commands in a second.
RATE = float(os.environ.get("RATE", "50"))
WORKERS = 2
# More than two workers can have in hand.
BACKLOG = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """What a worker of a fleet runs."""

    module: Sequence[str] = ("tests.faults.worker_logging", "worker")
    settings: Mapping[str, str] = field(default_factory=dict)


CURRENT = Kind()


@dataclass(slots=True)
class Fleet:
    """Workers, of which each is replaced in its turn.

    Attributes:
        codes: The exit codes of those that were told to end.

    """

    sandbox: Sandbox
    folder: Path
    stack: AsyncExitStack
    numbers: Iterator[int] = field(default_factory=itertools.count)
    workers: list[Worker] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    async def grow(self, kind: Kind = CURRENT) -> None:
        """Start one more, and wait until it is ready."""
        settings = {**settings_for(self.sandbox), "ACCESS_TOKEN_SECONDS": "3600", **kind.settings}
        name = f"worker-{next(self.numbers)}"
        another = working(self.sandbox, self.folder, settings, name, kind.module)
        self.workers.append(await self.stack.enter_async_context(another))

    async def shrink(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Send the eldest a signal, and wait until it has ended."""
        self.codes.append(await asyncio.to_thread(self.workers.pop(0).stop, by))

    async def close(self) -> None:
        """Tell all to end."""
        while self.workers:
            await self.shrink()

    def delivered_again(self) -> list[str]:
        """Return what workers have logged of messages that were delivered before."""
        logs = [path.read_text().splitlines() for path in self.folder.glob("*.log")]
        return [line for log in logs for line in log if f'"{AGAIN}"' in line]

    async def replace(self, by: signal.Signals = signal.SIGTERM, kind: Kind = CURRENT) -> None:
        """Replace the eldest, as a deployment does: its successor starts while it finishes."""
        await asyncio.gather(self.shrink(by), self.grow(kind))


@asynccontextmanager
async def under_load(
    servers: Servers, folder: Path, kind: Kind = CURRENT
) -> AsyncIterator[tuple[Fleet, Load, Broker]]:
    """Run two workers, and give those who send to them."""
    with isolated_sandbox(servers) as sandbox:
        async with (
            administrating(sandbox) as broker,
            connected(sandbox.service_url, exchange="") as service,
            AsyncExitStack() as stack,
        ):
            fleet = Fleet(sandbox, folder, stack)
            for _ in range(WORKERS):
                await fleet.grow(kind)
            yield fleet, await load_on(service), broker


async def what_is_left(broker: Broker) -> dict[str, int]:
    """Return how many messages there are in each queue that has any; for when there are no consumers."""
    found = [each["name"] for each in await broker.look_here("queues")]
    names = [name for name in found if not name.startswith("profile.probe.")]  # by workers, for themselves
    left = {name: await broker.ready(name) for name in names}
    return {name: count for name, count in left.items() if count}


async def test_nobody_notices_that_workers_are_replaced(servers: Servers, tmp_path: Path) -> None:
    async with under_load(servers, tmp_path) as (fleet, load, broker):
        began = time.monotonic()
        loading = asyncio.create_task(load.run(RATE))
        for _ in range(RESTARTS):
            await fleet.replace()
        loading.cancel()
        await asyncio.wait([loading])
        sending = time.monotonic() - began
        results = await load.results()
        answering = time.monotonic() - began

        async def has_followed_up() -> bool:
            return await broker.ready(CASCADE_QUEUE) == 0

        await eventually(has_followed_up, within=120)
        await fleet.close()
        left = await what_is_left(broker)

    assert loading.cancelled()
    assert_done_once(results)
    assert fleet.delivered_again() == []
    # Neither dead letters, nor what is to be tried again, nor anything that nobody has done.
    assert left == {}
    assert fleet.codes == [0] * (RESTARTS + WORKERS)
    rates = f"{len(results) / sending:.0f} a second sent, {len(results) / answering:.0f} answered"
    print(f"{RESTARTS} restarts, {len(results)} commands, {rates}")  # noqa: T201 - for the closing note


@pytest.mark.at_length
async def test_what_a_killed_worker_had_unacknowledged_is_seen_again(
    servers: Servers, tmp_path: Path
) -> None:
    """Otherwise the test above would prove nothing."""
    async with under_load(servers, tmp_path) as (fleet, load, _):
        for _ in range(BACKLOG):
            load.send()
        await asyncio.wait(load.asked, return_when=asyncio.FIRST_COMPLETED)
        await fleet.replace(signal.SIGKILL)
        await asyncio.gather(*load.asked)

    assert fleet.codes == [-signal.SIGKILL]
    assert fleet.delivered_again()
