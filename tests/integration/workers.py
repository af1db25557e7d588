"""Workers in corners of their own, started beside the event loop, so that what runs in it goes on."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from service.infrastructure.security.keys import new_key
from tests.forking import fork
from tests.integration.gateway import eventually
from tests.integration.proxy import Proxy
from tests.vhosts import virtual_hosts
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.servers.waiting import wait_until
from tools.worker import Worker

WORKER: Final = ("service.cli", "worker")
CHEAP_WORKER: Final = ("tests.integration.cheap_worker", "worker")
_START_SECONDS: Final = 60.0


@contextmanager
def isolated_sandbox(servers: Servers) -> Iterator[Sandbox]:
    """Give a virtual host with the topology of the definitions file, and databases, to one test."""
    with virtual_hosts.borrowed(servers) as vhost, new_sandbox(servers, {}, vhost) as env:
        yield env


@contextmanager
def running_worker(
    sandbox: Sandbox,
    folder: Path,
    settings: Mapping[str, str],
    name: str = "worker",
    module: Sequence[str] = CHEAP_WORKER,
) -> Iterator[Worker]:
    """Run a worker on *sandbox*, with its log and keys in *folder*, as `tools.worker` does, but forked."""
    keys, log = folder / "keys", folder / f"{name}.log"
    if not keys.exists():
        new_key(keys, datetime.now(UTC))
    environment = {
        "RABBITMQ_URL": sandbox.service_url,
        "MONGO_URL": sandbox.mongo_url,
        "REDIS_URL": sandbox.redis_url,
        "SIGNING_KEYS_DIR": str(keys),
        **settings,
    }
    with Path(os.devnull).open() as nothing, log.open("wb") as output:
        worker = Worker(fork(module, {**os.environ, **environment}, nothing, output, output), log)

    def is_ready() -> bool:
        said = log.read_text()
        if worker.process.poll() is not None:
            raise RuntimeError(f"The worker ended at once:\n{said[-2000:]}")
        return '"event": "ready"' in said

    try:
        wait_until(is_ready, within=_START_SECONDS)
        yield worker
    finally:
        worker.stop()


@asynccontextmanager
async def working(
    sandbox: Sandbox,
    folder: Path,
    settings: Mapping[str, str],
    name: str = "worker",
    module: Sequence[str] = CHEAP_WORKER,
) -> AsyncIterator[Worker]:
    """Run a worker, as `running_worker` does, without holding the event loop up."""
    manager = running_worker(sandbox, folder, settings, name, module)
    worker = await asyncio.to_thread(manager.__enter__)
    try:
        yield worker
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def logged(worker: Worker, words: str) -> None:
    """Wait until *worker* has written *words* into its log, which it does after it has replied."""

    async def written() -> bool:
        return words in worker.log.read_text()

    assert await eventually(written)


def address_of(mongo_url: str) -> tuple[str, int]:
    """Return host and port of the first server in *mongo_url*."""
    host, _, port = urlsplit(mongo_url).netloc.rpartition("@")[2].partition(",")[0].partition(":")
    return host, int(port or 27_017)


def through(proxy: Proxy, mongo_url: str) -> str:
    """Return *mongo_url* with *proxy* in place of its servers."""
    parts = urlsplit(mongo_url)
    user, at, _ = parts.netloc.rpartition("@")
    options = [
        each for each in parts.query.split("&") if each and not each.startswith(("replicaSet", "direct"))
    ]
    query = "&".join([*options, "directConnection=true"])
    return parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}", query=query).geturl()
