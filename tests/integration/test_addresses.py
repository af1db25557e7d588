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
from tests.faults.proxied_env import ProxiedEnv, proxied_env
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


async def works(env: ProxiedEnv, **settings: str) -> bool:
    """Return whether a worker with these *settings* works."""
    async with working(env.sandbox, env.folder, {**env.behind(), **settings}):
        return bool((await env.ask(0))["ok"])


async def test_mongodb_by_a_unix_socket(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env:
        host, port = address_of(env.sandbox.mongo_url)
        database = urlsplit(env.sandbox.mongo_url).path
        with short_folder() as folder:
            path = folder / "mongodb.sock"
            async with by_socket(host, port, path):
                url = f"mongodb://{quote(str(path), safe='')}{database}?directConnection=true"

                assert await works(env, MONGO_URL=url)


async def test_redis_by_a_unix_socket(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env:
        parts = urlsplit(env.sandbox.redis_url)
        with short_folder() as folder:
            path = folder / "redis.sock"
            async with by_socket(str(parts.hostname), int(parts.port or 0), path):
                url = f"unix://{path}?db={parts.path.strip('/') or 0}"

                assert await works(env, REDIS_URL=url)


async def test_several_servers_of_mongodb_of_which_one_is_there(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env:
        parts = urlsplit(env.sandbox.mongo_url)
        url = parts._replace(netloc=f"127.0.0.1:{free_port()},{parts.netloc}").geturl()

        assert await works(env, MONGO_URL=url)


async def test_a_password_of_characters_that_mean_something_in_a_url(
    servers: Servers, tmp_path: Path
) -> None:
    user = f"profile-service-{os.urandom(4).hex()}"
    salt = os.urandom(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
    configure, write, read = PERMISSIONS["profile-service"]
    async with proxied_env(servers, tmp_path) as env:
        manage = env.broker.management.put
        account = {"password_hash": digest, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
        await asyncio.to_thread(manage, "users", user, body=account)
        rights = {"configure": configure, "write": write, "read": read}
        await asyncio.to_thread(manage, "permissions", env.sandbox.vhost, user, body=rights)
        try:
            parts = urlsplit(env.sandbox.service_url)
            netloc = f"{user}:{quote(PASSWORD, safe='')}@{parts.hostname}:{parts.port}"

            assert await works(env, RABBITMQ_URL=parts._replace(netloc=netloc).geturl())
        finally:
            await asyncio.to_thread(env.broker.management.delete, "users", user)
