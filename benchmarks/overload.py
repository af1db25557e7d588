"""Does a full pool of hashing threads say `overloaded` at once, or let its callers wait? `make overload`.

Rounds of logins as users that do not exist, many more than the pool takes, and as many `auth.verify` beside
them. Requests leave at a steady pace, about ten times as many logins as one thread can look at: all in one
moment would measure how many requests a second the machine can write, carry and read, and not what a full
pool says.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from benchmarks.reads_beside_logins import percentile
from profile_contracts.auth import LogIn, VerifyToken
from profile_contracts.client import ProfileClient
from profile_contracts.errors import ErrorReply
from profile_contracts.replies import ErrorCode
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import running_worker

_ROUNDS: Final = 10
_LOGINS: Final = 60  # in each round, with as many verifies in between
_PAUSE: Final = 0.01  # seconds between two requests
_BOUND_MS: Final = 50.0
_PASSWORD: Final = SecretStr("correct horse battery staple")
_NO_TOKEN: Final = VerifyToken(token=SecretStr("garbage"))
_OVERLOADED: Final = (ErrorCode.UNAVAILABLE, "overloaded", True)
_LOOKED_AT: Final = (ErrorCode.UNAUTHENTICATED, "invalid_credentials", False)
_WORKER: Final = {
    "BCRYPT_COST": "12",
    "HASHING_THREADS": "1",
    "HASHING_QUEUE_SIZE": "8",
    "PREFETCH_LOGINS": "128",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from sending a request to its reply.

    Attributes:
        overloaded: Of logins that the pool had no place for.
        looked_at: Of logins that it had one for.

    """

    overloaded: list[float] = field(default_factory=list)
    looked_at: list[float] = field(default_factory=list)
    verified: list[float] = field(default_factory=list)

    async def log_in(self, client: ProfileClient, account: str) -> None:
        """Try to log in as somebody who does not exist."""
        login = LogIn(email=f"{account}@overload.example", password=_PASSWORD)
        started = time.perf_counter()
        try:
            await client.log_in(login)
        except ErrorReply as refusal:
            answer = (refusal.error.code, refusal.error.reason, refusal.error.retryable)
            if answer not in (_OVERLOADED, _LOOKED_AT):  # such as a locked account
                raise
            (self.overloaded if answer == _OVERLOADED else self.looked_at).append(_ms_since(started))

    async def verify(self, client: ProfileClient) -> None:
        """Ask about a token that is none, which takes no database: what a round trip costs just now."""
        started = time.perf_counter()
        await client.verify_token(_NO_TOKEN)
        self.verified.append(_ms_since(started))


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


async def one_round(client: ProfileClient, number: int, times: Times) -> None:
    """Send logins and verifies in turns, and wait for all replies: then the pool is empty again."""
    async with asyncio.TaskGroup() as group:
        for each in range(_LOGINS):
            # Others in each round, or those that are looked at would be locked after some rounds.
            group.create_task(times.log_in(client, f"{number}.{each}"))
            await asyncio.sleep(_PAUSE)
            group.create_task(times.verify(client))
            await asyncio.sleep(_PAUSE)


async def measure(sandbox: Sandbox) -> Times:
    """Return the times of all rounds but the first, which is to warm up."""
    times = Times()
    async with ProfileClient(sandbox.gateway_url, name="overload", timeout=60) as client:
        await one_round(client, 0, Times())
        for number in range(1, _ROUNDS + 1):
            await one_round(client, number, times)
    return times


def main() -> int:
    """Measure and print; return 1 if the p99 of `overloaded` is above 50 ms."""
    console = Console(highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="profile-overload-") as folder,
        running_servers(console.print) as servers,
        new_sandbox(servers, definitions(topology())) as sandbox,
        running_worker(sandbox, Path(folder), _WORKER),
    ):
        times = asyncio.run(measure(sandbox))
    rows = {"auth.login, overloaded": times.overloaded, "auth.verify beside": times.verified}
    table = Table("", "replies", "p50 ms", "p99 ms", "max ms", title="Answers while the hashing pool is full")
    for name, values in rows.items():
        figures = (percentile(values, 50), percentile(values, 99), max(values))
        table.add_row(name, str(len(values)), *(f"{figure:.2f}" for figure in figures))
    slow = percentile(times.overloaded, 99)
    verdict = "within" if slow <= _BOUND_MS else "NOT within"
    console.print(
        table,
        f"{len(times.looked_at)} more logins had their passwords looked at",
        f"ratio of p99: {slow / percentile(times.verified, 99):.2f}",
        f"p99 of overloaded: {verdict} {_BOUND_MS:.0f} ms",
        sep="\n",
    )
    return 0 if slow <= _BOUND_MS else 1


if __name__ == "__main__":
    sys.exit(main())
