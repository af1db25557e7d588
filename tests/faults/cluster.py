"""Two workers, each started anew whenever it has ended, behind proxies to all that they speak to."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import RETRIES, QueueType, topology
from tests.integration.broker import Broker, administrating
from tests.integration.gateway import eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.workers import CHEAP_WORKER, address_of, through, working
from tools.servers import Servers
from tools.servers.sandbox import SERVICE, Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import Worker

# What waits to be tried again does so for a moment only: nobody wants to wait for minutes at the end.
_RETRIES_MS: Final = dict(zip(RETRIES, (1_000, 2_000, 4_000), strict=True))
_TRUSTED: Final = ["profile.create", "profile.get", "profile.list", "profile.update", "profile.delete"]
_PROMPT: Final = 60.0
# Of workers, beside their addresses.
SETTINGS: Final = {
    "BCRYPT_COST": "10",
    "ACCESS_TOKEN_SECONDS": "7200",  # longer than any run
    "TRUSTED_SERVICES": json.dumps({SERVICE: _TRUSTED}),
}


@dataclass(slots=True)
class Place:
    """Where a worker runs. When it has ended, another one takes its place, as systemd would see to it."""

    sandbox: Sandbox
    folder: Path
    settings: Mapping[str, str]
    name: str
    module: Sequence[str]
    worker: Worker | None = None
    is_over: bool = False
    starts: int = 0

    async def keep(self) -> None:
        """Run one worker after the other until it is over; the last one ends as it should."""
        while not self.is_over:
            self.starts += 1
            # It may well find no server just now, and then it says so and ends.
            with suppress(RuntimeError, TimeoutError):
                await self._run(f"{self.name}-{self.starts}")

    async def restart(self) -> None:
        """Tell the worker to end, and wait for the next one."""
        before = self.worker
        if before:
            before.process.send_signal(signal.SIGTERM)

        async def is_another() -> bool:
            return self.worker not in (None, before)

        await eventually(is_another, within=_PROMPT)

    async def _run(self, name: str) -> None:
        async with working(self.sandbox, self.folder, self.settings, name, self.module) as worker:
            self.worker = worker
            while worker.process.poll() is None and not self.is_over:  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.02)
            self.worker = None


@dataclass(slots=True)
class Cluster:
    """What can be disturbed.

    Attributes:
        proxies: What stands between the workers and each kind of server.
        modules: What each of the workers runs.

    """

    sandbox: Sandbox
    folder: Path
    broker: Broker
    proxies: Mapping[str, Proxy]
    settings: Mapping[str, str]
    modules: tuple[Sequence[str], Sequence[str]] = (CHEAP_WORKER, CHEAP_WORKER)
    places: list[Place] = field(default_factory=list)

    @asynccontextmanager
    async def staffed(self, name: str) -> AsyncIterator[None]:
        """Have two workers run; wait for them at the beginning, and for their end at the end."""
        self.places = [
            Place(self.sandbox, self.folder, self.settings, f"{name}-{each}", module)
            for each, module in zip("ab", self.modules, strict=True)
        ]
        async with asyncio.TaskGroup() as keeping:
            for place in self.places:
                keeping.create_task(place.keep())
            try:
                await self.all_here()
                yield
            finally:
                for place in self.places:
                    place.is_over = True

    async def all_here(self) -> None:
        """Wait until both workers are there."""

        async def here() -> bool:
            return all(place.worker for place in self.places)

        await eventually(here, within=_PROMPT)

    def mend(self) -> None:
        """Make an end of everything that is wrong with the network."""
        for proxy in self.proxies.values():
            proxy.mend()


@contextmanager
def sandbox_with_short_retries(servers: Servers, query_type: QueueType = "classic") -> Iterator[Sandbox]:
    """Give a virtual host and a database, where nothing waits for long to be tried again."""
    wanted = definitions(topology(query_type))
    for policy in wanted["policies"]:
        name = policy["pattern"].strip("^()$").replace("\\", "")
        if name in _RETRIES_MS:
            policy["definition"]["message-ttl"] = _RETRIES_MS[name]
    with new_sandbox(servers, wanted) as env:
        yield env


@asynccontextmanager
async def cluster_of(
    servers: Servers, folder: Path, module: Sequence[str] = CHEAP_WORKER
) -> AsyncIterator[Cluster]:
    """Set up a cluster; no worker runs yet."""
    async with AsyncExitStack() as stack:
        sandbox = stack.enter_context(sandbox_with_short_retries(servers))
        addresses = {
            "mongodb": address_of(sandbox.mongo_url),
            "rabbitmq": _address_of(sandbox.service_url),
            "redis": _address_of(sandbox.redis_url),
        }
        proxies = {
            name: await stack.enter_async_context(proxied(*address)) for name, address in addresses.items()
        }
        broker = await stack.enter_async_context(administrating(sandbox))
        yield Cluster(sandbox, folder, broker, proxies, _settings(sandbox, proxies), (module, module))


def _settings(sandbox: Sandbox, proxies: Mapping[str, Proxy]) -> dict[str, str]:
    return {
        **SETTINGS,
        "MONGO_URL": through(proxies["mongodb"], sandbox.mongo_url),
        "RABBITMQ_URL": _by(proxies["rabbitmq"], sandbox.service_url),
        "REDIS_URL": _by(proxies["redis"], sandbox.redis_url),
    }


def _address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def _by(proxy: Proxy, url: str) -> str:
    """Return *url* with *proxy* in place of its server."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()
