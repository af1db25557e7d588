"""Servers at addresses that are less usual, and right all the same: a worker works with each of them."""

import asyncio
import base64
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from service.infrastructure.rabbitmq.definitions import PERMISSIONS
from tests.faults.behind_proxy import Stage, a_stage
from tests.integration.proxy import Proxy
from tests.integration.workers import address_of, working
from tools.servers import Servers
from tools.servers.processes import free_port

# Everything that means something in a URL, and a letter beyond ASCII.
PASSWORD = "p/@:%?#[]&=+ é"


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose name is short: that of a socket has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as name:
        yield Path(name)


@asynccontextmanager
async def by_socket(host: str, port: int, path: Path) -> AsyncIterator[None]:
    """Let a server be reached by a Unix socket."""
    proxy = Proxy(host, port)
    proxy.mend()
    async with await asyncio.start_unix_server(proxy.serve, path):
        try:
            yield
        finally:
            proxy.cut()


async def works(stage: Stage, **settings: str) -> bool:
    """Return whether a worker with these *settings* works."""
    async with working(stage.box, stage.folder, {**stage.behind(), **settings}):
        return bool((await stage.ask(0))["ok"])


async def test_mongodb_by_a_unix_socket(servers: Servers, tmp_path: Path) -> None:
    async with a_stage(servers, tmp_path) as stage:
        host, port = address_of(stage.box.mongo_url)
        database = urlsplit(stage.box.mongo_url).path
        with short_folder() as folder:
            path = folder / "mongodb.sock"
            async with by_socket(host, port, path):
                url = f"mongodb://{quote(str(path), safe='')}{database}?directConnection=true"

                assert await works(stage, MONGO_URL=url)


async def test_redis_by_a_unix_socket(servers: Servers, tmp_path: Path) -> None:
    async with a_stage(servers, tmp_path) as stage:
        parts = urlsplit(stage.box.redis_url)
        with short_folder() as folder:
            path = folder / "redis.sock"
            async with by_socket(str(parts.hostname), int(parts.port or 0), path):
                url = f"unix://{path}?db={parts.path.strip('/') or 0}"

                assert await works(stage, REDIS_URL=url)


async def test_several_servers_of_mongodb_of_which_one_is_there(servers: Servers, tmp_path: Path) -> None:
    async with a_stage(servers, tmp_path) as stage:
        parts = urlsplit(stage.box.mongo_url)
        url = parts._replace(netloc=f"127.0.0.1:{free_port()},{parts.netloc}").geturl()

        assert await works(stage, MONGO_URL=url)


async def test_a_password_of_characters_that_mean_something_in_a_url(
    servers: Servers, tmp_path: Path
) -> None:
    user = f"profile-service-{os.urandom(4).hex()}"
    salt = os.urandom(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
    configure, write, read = PERMISSIONS["profile-service"]
    async with a_stage(servers, tmp_path) as stage:
        manage = stage.broker.management.put
        account = {"password_hash": digest, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
        await asyncio.to_thread(manage, "users", user, body=account)
        rights = {"configure": configure, "write": write, "read": read}
        await asyncio.to_thread(manage, "permissions", stage.box.vhost, user, body=rights)
        try:
            parts = urlsplit(stage.box.service_url)
            netloc = f"{user}:{quote(PASSWORD, safe='')}@{parts.hostname}:{parts.port}"

            assert await works(stage, RABBITMQ_URL=parts._replace(netloc=netloc).geturl())
        finally:
            await asyncio.to_thread(stage.broker.management.delete, "users", user)
