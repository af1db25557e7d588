"""A Redis that keeps nothing on disk, ours alone."""

from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tools.servers.addresses import Address
from tools.servers.processes import Processes, free_port

SECONDS_TO_START = 20


def start_redis(processes: Processes, server: Path) -> Address:
    """Start *server* and wait until it answers."""
    port = free_port()
    folder = processes.new_folder("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    options += ["--databases", "128"]  # each process that runs tests takes several
    child = processes.start("redis", [server, *options], folder)
    url = f"redis://127.0.0.1:{port}"
    version = child.wait_until(lambda: redis_version(url, child.process.pid), within=SECONDS_TO_START)
    return Address(f"Redis {version}", url)


def redis_version(url: str, pid: int | None = None) -> str | None:
    """Return the version once Redis answers; with *pid*, only if it is that process."""
    with Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        try:
            client.ping()
            facts: dict[str, Any] = client.info("server")
        except RedisError:
            return None
    return str(facts["redis_version"]) if pid in (None, facts["process_id"]) else None
