"""A mongod of our own that can be killed and started anew, with its data and its port."""

import asyncio
import os
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pymongo import MongoClient

from tools.servers.binaries import find_or_install
from tools.servers.local_mongodb import SECONDS_TO_START, primary_version
from tools.servers.processes import Child, Processes, free_port, private_processes


@dataclass(slots=True)
class MongoDB:
    """A replica set of one member.

    Attributes:
        login: Of an administrator, once it has users: `name:password@`.
        options: Further ones for its command line.
        url: The same before and after it was killed.

    """

    processes: Processes
    program: Path
    folder: Path
    port: int
    child: Child | None = None
    login: str = ""
    options: Sequence[str | Path] = ()

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/profiles?directConnection=true"

    def start(self) -> None:
        """Start it, and wait until it is the primary."""
        member = f"127.0.0.1:{self.port}"
        options = (
            f"--dbpath {self.folder} --port {self.port} --bind_ip 127.0.0.1 --replSet rs0 "
            "--wiredTigerCacheSizeGB 0.25 --nounixsocket"
        )
        child = self.processes.start("mongodb", [self.program, *options.split(), *self.options], self.folder)
        child.wait_until(
            lambda: primary_version(f"mongodb://{self.login}{member}", member, child.process.pid),
            within=SECONDS_TO_START,
        )
        self.child = child

    def ask_for_passwords(self, name: str) -> None:
        """Make an administrator whose name is the password, too, and let nobody else in from now on."""
        with MongoClient[dict[str, object]](self.url) as client:
            client.admin.command("createUser", name, pwd=name, roles=["root"])
        key = self.folder / "key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex())
        self.login, self.options = f"{name}:{name}@", ["--keyFile", key]
        self.kill()
        self.start()

    def kill(self) -> None:
        """End it as a failing machine does."""
        if self.child:
            os.killpg(self.child.process.pid, signal.SIGKILL)
            self.child.process.wait()

    async def away(self, seconds: float) -> None:
        """Kill it, and start it anew after so many *seconds*."""
        await asyncio.to_thread(self.kill)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.start)


@contextmanager
def own_mongodb() -> Iterator[MongoDB]:
    """Run a mongod that nobody else uses."""
    program = find_or_install(["mongod"], print)["mongod"]
    with private_processes() as processes:
        server = MongoDB(processes, program, processes.new_folder("mongodb"), free_port())
        server.start()
        yield server
