"""`make demo`: servers, a worker, and a gateway that tries everything once and hears the events."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console

from profile_contracts.client import ProfileClient
from profile_contracts.events import (
    PROFILE_CREATED,
    PROFILE_DELETED,
    PROFILE_ERASED,
    PROFILE_UPDATED,
    SESSION_REVOKED,
)
from profile_contracts.operations import AUTH_START_RESET
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.console import queue_table
from tools.demo.asking import Demo
from tools.demo.users import play
from tools.ending import ended_well, interruptible
from tools.listener import listening
from tools.servers import running_servers
from tools.servers.processes import private_processes
from tools.servers.sandbox import Sandbox, sandbox
from tools.worker import environment, running_worker

# In seconds: on a machine that is busy with other things, passwords wait for what is left of it.
_TIMEOUT: Final = 30.0
_TOLD: Final = tuple(
    each.name for each in (PROFILE_CREATED, PROFILE_UPDATED, PROFILE_DELETED, PROFILE_ERASED, SESSION_REVOKED)
)


async def run(console: Console, box: Sandbox, folder: Path) -> tuple[list[str], int]:
    """Play the demo as the broker user `gateway`, with a worker that has its keys in *folder*.

    Return what was not as expected, and how much was asked.
    """
    async with (
        listening(box.gateway_url) as listener,
        ProfileClient(box.gateway_url, name="demo-gateway", timeout=_TIMEOUT) as client,
        ProfileClient(box.service_url, name="demo-mailer", timeout=_TIMEOUT) as mailer,
    ):
        demo = Demo(console, client, mailer, folder, environment(box, folder / "keys"))
        await play(demo)
        missing = await listener.missing(_TOLD)
        listener.show(console)
        return demo.surprises + [f"no event {name}" for name in missing], demo.sent


def main() -> int:
    """Run the demo; return 0 only if every reply was as expected, and every event came."""
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    with (
        private_processes() as processes,  # for its folder, which no end of ours leaves behind
        running_servers(console.print) as servers,
        sandbox(servers, definitions(topology())) as box,
        running_worker(box, processes.folder, {"TRUSTED_SERVICES": _trusted(box)}),
    ):
        console.print(f"A worker on them is ready ({time.monotonic() - began:.1f} s)")
        surprises, sent = asyncio.run(interruptible(run(console, box, processes.folder)))
        console.print("", queue_table(box, sent), sep="\n")
    if surprises:
        console.print(f"[red]Not as expected:[/] {', '.join(surprises)}")
        return 1
    seconds = time.monotonic() - began
    console.print(f"[green]Every reply was as expected, and every event came[/] ({seconds:.1f} s in all).")
    return 0


def _trusted(box: Sandbox) -> str:
    """Return who may get a token that resets a password: here, a second user of the broker."""
    return json.dumps({urlsplit(box.service_url).username: [AUTH_START_RESET.queue]})


if __name__ == "__main__":
    sys.exit(ended_well(main))
