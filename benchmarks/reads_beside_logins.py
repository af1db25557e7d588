"""Does `profile.get` stay quick while passwords are being checked? `make overload`.

Latency of reads, one after the other, first alone and then while 20 logins are in flight all the time.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Final

from rich.console import Console
from rich.table import Table

from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.profiles import CreateProfile, GetProfile
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import running_worker

_LOGINS: Final = 20
_READS: Final = 2000
_BOUND: Final = 5.0
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of a user of a benchmark


async def read_latencies(client: ProfileClient, get: GetProfile, token: str) -> list[float]:
    """Return how long each of many reads took, in milliseconds."""
    latencies = []
    for _ in range(_READS):
        started = time.perf_counter()
        await client.get_profile(get, token)
        latencies.append((time.perf_counter() - started) * 1000)
    return latencies


async def log_in_forever(client: ProfileClient, login: LogIn, done: list[float]) -> None:
    """Log in again and again; note the times when it was done."""
    while True:
        await client.log_in(login)
        done.append(time.perf_counter())


async def measure(sandbox: Sandbox) -> tuple[list[float], list[float], float]:
    """Return the latencies of reads alone and beside logins, and the logins per second meanwhile."""
    async with (
        ProfileClient(sandbox.gateway_url, name="reader") as reader,
        ProfileClient(sandbox.gateway_url, name="logins", timeout=60) as others,
    ):
        user = CreateProfile.model_validate_json(
            f'{{"first_name":"A","last_name":"B","email":"a@b.example","password":"{_PASSWORD}"}}'
        )
        profile = await reader.create_profile(user)
        login = LogIn(email=user.email, password=user.password)
        token = (await reader.log_in(login)).access_token
        get = GetProfile(id=profile.id)
        await read_latencies(reader, get, token)  # to warm up
        alone = await read_latencies(reader, get, token)
        done: list[float] = []
        tasks = [asyncio.create_task(log_in_forever(others, login, done)) for _ in range(_LOGINS)]
        started = time.perf_counter()
        beside = await read_latencies(reader, get, token)
        rate = len(done) / (time.perf_counter() - started)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return alone, beside, rate


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that *percent* per cent of *values* are below."""
    return quantiles(values, n=100)[percent - 1]


def main() -> int:
    """Measure and print; return 1 if the p99 beside logins is 5 times that alone or more."""
    console = Console(highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="profile-bench-") as folder,
        running_servers(console.print) as servers,
        new_sandbox(servers, definitions(topology())) as sandbox,
        running_worker(sandbox, Path(folder)),
    ):
        alone, beside, rate = asyncio.run(measure(sandbox))
    table = Table("profile.get", "p50 ms", "p99 ms", title=f"{_READS} reads on {os.cpu_count()} cores")
    for name, values in (("alone", alone), (f"beside {_LOGINS} logins in flight", beside)):
        table.add_row(name, *(f"{percentile(values, percent):.2f}" for percent in (50, 99)))
    ratio = percentile(beside, 99) / percentile(alone, 99)
    console.print(table, f"{rate:.1f} logins a second meanwhile; ratio of p99: {ratio:.2f}", sep="\n")
    return 0 if ratio < _BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
