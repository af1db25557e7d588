"""Hostile messages, many of each kind among good ones. `make faults` sets `HOSTILE`."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import MALFORMED, topology
from tests.faults.hostile import KINDS, Kind
from tests.faults.load_generators import QUEUES, LoadGenerator, load_generator_on
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.requests import OPERATIONS
from tests.integration.workers import working
from tools.servers import Servers
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import Worker

# For each kind. Of every six messages, five are hostile.
HOSTILE = int(os.environ.get("HOSTILE", "20"))
GOOD = HOSTILE // 5
# At once; more than any queue hands out.
BATCH = 120


@dataclass(frozen=True, slots=True)
class HostileEnv:
    """One worker for all kinds, and those who send to it."""

    worker: Worker
    broker: Broker
    load_generator: LoadGenerator
    administrator: str | None

    async def links(self) -> set[str]:
        """Return the names of the worker's connections and of the channels that consume."""
        connections = await self.broker.connections()
        mine = {each["name"] for each in connections if "profile-service@" in str(each)}
        return mine | await self.broker.consuming_channels()

    async def is_listed(self) -> bool:
        """Return whether the console lists what we have opened, and so all that was opened before."""
        kinds = [
            await self.broker.look("vhosts", self.broker.vhost, kind) for kind in ("connections", "channels")
        ]
        return all(any(each["user"] == self.administrator for each in kind) for kind in kinds)

    async def dead_letters(self) -> dict[str, int]:
        """Return how many dead letters there are, by queue."""
        queues = (*(f"{each}.dlq" for each in QUEUES), MALFORMED)
        return {queue: await self.broker.ready(queue) for queue in queues}

    async def is_taken(self) -> bool:
        """Return whether all that was sent has been given to the worker."""
        return not any([await self.broker.ready(queue) for queue in QUEUES])

    async def is_at_rest(self) -> bool:
        """Return whether all that was sent is done, as soon as the console has counted it."""
        found = {each["name"]: each for each in await self.broker.look_here("queues")}
        sent = self.load_generator.service.sent
        is_done = all(found[name].get("message_stats", {}).get("ack", 0) >= sent[name] for name in QUEUES)
        return is_done and all(found[name].get("messages") == 0 for name in OPERATIONS)


@pytest_asyncio.fixture(scope="module")
async def env(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostileEnv]:
    """A sandbox of our own, so that nobody else's dead letters are counted."""
    folder = tmp_path_factory.mktemp("hostile")
    with new_sandbox(servers, definitions(topology())) as sandbox:  # in another one, more was counted before
        async with (
            working(sandbox, folder, settings_for(sandbox)) as worker,
            administrating(sandbox) as broker,
            load_generator_on(sandbox) as load_generator,
        ):
            ours = HostileEnv(worker, broker, load_generator, urlsplit(sandbox.admin_url).username)
            await eventually(ours.is_listed, within=30)
            yield ours


async def mixed(load_generator: LoadGenerator, kind: Kind) -> tuple[Counter[str], Counter[str]]:
    """Send good and hostile messages in random order; return what was said to the good and to the others."""
    chance = random.Random(1)  # noqa: S311 - to be repeated, not to be secret
    order = ["good"] * GOOD + ["hostile"] * HOSTILE
    chance.shuffle(order)
    heard: dict[str, Counter[str]] = {"good": Counter(), "hostile": Counter()}

    async def send(number: int, whose: str) -> None:
        queue = QUEUES[number % len(QUEUES)]
        reply = await (load_generator.ask(queue) if whose == "good" else load_generator.harm(queue, kind))
        if reply is not None:
            heard[whose]["ok" if reply["ok"] else reply["error"]["reason"]] += 1

    for start in range(0, len(order), BATCH):
        batch = enumerate(order[start : start + BATCH])
        await asyncio.gather(*(send(start + number, whose) for number, whose in batch))
    return heard["good"], heard["hostile"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
async def test_among_any_number_of_them_every_good_request_is_answered_once(
    env: HostileEnv, kind: Kind
) -> None:
    env.load_generator.service.replies.clear()
    links, letters = await env.links(), await env.dead_letters()

    good, hostile = await mixed(env.load_generator, kind)

    assert good == {"ok": GOOD}
    assert hostile == ({kind.reason or "ok": HOSTILE} if kind.is_answered else {})

    async def all_dead_letters_are_there() -> bool:
        return sum((await env.dead_letters()).values()) - sum(letters.values()) >= HOSTILE * kind.is_dead

    await eventually(all_dead_letters_are_there, within=60)
    await eventually(env.is_taken, within=60)
    assert sum((await env.dead_letters()).values()) - sum(letters.values()) == HOSTILE * kind.is_dead
    replies = Counter(each.correlation_id for each in env.load_generator.service.replies)
    assert set(replies.values()) == {1}
    assert len(replies) == GOOD + HOSTILE * kind.is_answered
    assert links
    assert await env.links() == links
    assert is_undisturbed(env.worker)


async def test_after_all_of_them_nothing_is_held_back(env: HostileEnv) -> None:
    assert await eventually(env.is_at_rest, within=60)


def is_undisturbed(worker: Worker) -> bool:
    """Return whether *worker* has worked on since its start."""
    log = worker.log.read_text()
    started_once = log.count('"event": "ready"') == 1
    return worker.process.poll() is None and started_once and not any(each in log for each in _SIGNS)


_SIGNS = ("Reconnecting", "Traceback", "publishing again")
