"""A run: many clients ask, things go wrong, all is put right, and everything is written down."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Final

from aio_pika import Message

from profile_contracts.events import EVENTS_EXCHANGE
from profile_contracts.operations import OPERATIONS, Kind
from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE, MALFORMED, RETRIES
from tests.faults.clients import Client, client_of
from tests.faults.cluster import Cluster
from tests.faults.commits import Watch, watching
from tests.faults.fault_injection import AT_LENGTH, FORGED_BY, TO_SERVERS, TO_WORKERS, disturb
from tests.faults.generators import RequestGenerator
from tests.faults.history import Told, listening
from tests.faults.model import Model
from tests.faults.records import History
from tests.integration.broker import Broker, administrating
from tests.integration.gateway import eventually

# What a command may wait in, for its first try or another one.
_QUEUES: Final = [
    *(each.queue for each in OPERATIONS if each.kind is Kind.COMMAND),
    *RETRIES,
    CASCADE_QUEUE,
]
# Seconds of peace after each disturbance.
_BETWEEN_ENDS: Final = (3.0, 8.0)
_BETWEEN_OUTAGES: Final = (0.5, 3.0)
# From so many seconds on, a run has time for faults that take long.
_LONG_RUN: Final = 60.0
# For what is left to do once nothing is wrong any more.
_SETTLING: Final = 120.0
_END: Final = "end"


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """Who asks.

    Attributes:
        unlimited: How long those wait who set no limit: longer than any fault lasts.
        rate: Requests a second of all of them together. Without it, each waits for replies before it goes on.

    """

    clients: int = 8
    unlimited: float = 120.0
    rate: float | None = None


Trouble = Callable[[Cluster, History], Awaitable[None]]


def every_trouble(seed: int, seconds: float) -> Trouble:
    """Return the trouble that all disturbances are, drawn by *seed*, for so many *seconds*."""

    async def trouble(cluster: Cluster, history: History) -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, over.set)
        workers, servers = _chance(seed, "workers"), _chance(seed, "servers")
        to_servers = {**TO_SERVERS, **(AT_LENGTH if seconds >= _LONG_RUN else {})}
        async with asyncio.TaskGroup() as troubles:
            for chance, disturbances, pauses in (
                (workers, TO_WORKERS, _BETWEEN_ENDS),
                (servers, to_servers, _BETWEEN_OUTAGES),
            ):
                troubles.create_task(
                    disturb(cluster, history, disturbances, pauses=pauses, chance=chance, over=over)
                )

    return trouble


async def recorded(
    cluster: Cluster,
    seed: int,
    trouble: Trouble,
    load_profile: LoadProfile = LoadProfile(),
    listen: Callable[[str], AbstractAsyncContextManager[Told]] = listening,
) -> History:
    """Return what happened while clients asked and there was *trouble*, until all is quiet again.

    *listen* hears events over whatever the trouble is.
    """
    history, model = History(), Model()
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(watching(cluster.sandbox.mongo_url, history.commits))
        history.told = await stack.enter_async_context(listen(cluster.sandbox.admin_url))
        asking = [
            await stack.enter_async_context(
                client_of(cluster.sandbox.service_url, generator, history, load_profile.unlimited)
            )
            for generator in (
                RequestGenerator(each, _chance(seed, each), model) for each in range(load_profile.clients)
            )
        ]
        async with cluster.staffed("worker"):
            await _ask(asking, load_profile.rate, lambda: trouble(cluster, history))
            cluster.mend()
            await cluster.all_here()
            # A connection from before the trouble may be one of those that broke.
            broker = await stack.enter_async_context(administrating(cluster.sandbox))
            await _all_done(broker, watch)
        # What a worker still had in hand, it has finished or given back by now.
        for number in itertools.count():
            if not await _waits(broker, watch):
                break
            async with cluster.staffed(f"after-{number}"):
                await _all_done(broker, watch)
        await watch.catch_up()
        await _hear_the_end(broker, history.told)
        history.stored, history.dead_lettered = await watch.stored(), await _dead_lettered(broker)
    return history


def _chance(seed: int, who: object) -> random.Random:
    return random.Random(f"{seed}/{who}")  # noqa: S311 - to be repeated, not to be secret


async def _ask(clients: list[Client], rate: float | None, trouble: Callable[[], Awaitable[None]]) -> None:
    """Let *clients* ask as long as there is *trouble*, and then until all is answered."""
    await asyncio.gather(*(client.sign_up() for client in clients))
    over = asyncio.Event()
    async with asyncio.TaskGroup() as asking:
        for client in clients:
            asking.create_task(client.run(over, rate and rate / len(clients)))
        await trouble()
        over.set()


async def _all_done(broker: Broker, watch: Watch) -> None:
    async def done() -> bool:
        return not await _waits(broker, watch)

    await eventually(done, within=_SETTLING)


async def _waits(broker: Broker, watch: Watch) -> bool:
    """Return whether a command or an event waits anywhere."""
    return any([await broker.ready(queue) for queue in _QUEUES]) or await watch.has_untold()


async def _dead_lettered(broker: Broker) -> dict[str, str]:
    """Return the kind of error for which each message is in a dead-letter queue."""
    letters = [letter for each in OPERATIONS for letter in await broker.take(each.dead_letters)]
    for queue in (f"{CASCADE_QUEUE}.dlq", MALFORMED):
        letters += await broker.take(queue)
    ours = [each for each in letters if each.message_id != FORGED_BY]
    return {str(each.message_id): str(each.headers["x-error-type"]) for each in ours}


async def _hear_the_end(broker: Broker, told: Told) -> None:
    """Wait until all events were heard: what is published now comes after them."""
    exchange = await broker.channel.get_exchange(EVENTS_EXCHANGE, ensure=False)
    await exchange.publish(Message(b'{"id": "end", "type": "end"}'), _END)

    async def heard() -> bool:
        return _END in told.bodies

    await eventually(heard, within=_SETTLING)
    del told.bodies[_END]
    told.ids.remove(_END)
