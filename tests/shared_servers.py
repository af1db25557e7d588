"""One set of servers for a whole run, however many processes carry its tests out.

The process that was called `pytest` starts them, as soon as it knows of a test that needs them; with xdist,
the others find them by a file. A virtual host and databases are each process's own (see `conftest.py`).
"""

import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.reaper import reaping
from tools.servers import ServerFailed, Servers, ServersUnavailable, running_servers
from tools.servers.waiting import wait_until

# All tests in these folders of `tests/` need servers, and no others do.
FOLDERS: Final = ("faults", "integration", "ports")
# As the tools start the slowest server within 120 s, or say that they have failed.
_SECONDS_TO_START: Final = 180.0
_FILE: Final = "servers_file"
# What the others need to know of them.
_ADDRESSES: Final = ("rabbitmq_url", "management_url", "mongo_url", "redis_url")


def needs_servers(test: str) -> bool:
    """Return whether the test of this id, `tests/<folder>/...`, needs servers."""
    return test.startswith(tuple(f"tests/{each}/" for each in FOLDERS))


@dataclass(slots=True)
class OwnedServers:
    """The servers in the process that starts and ends them. The hooks are those of pytest and xdist."""

    reporter: Any
    cleanup: ExitStack = field(default_factory=ExitStack)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "servers"))
    starting: Future[Servers] | None = None
    file: Path | None = None

    def get(self) -> Servers:
        """Return them, started if need be.

        Raises:
            ServersUnavailable, ServerFailed: There are none.

        """
        if self.starting is None:
            self.cleanup.enter_context(reaping())
            self.starting = self.pool.submit(self._start)
        return self.starting.result()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Mark the processes of xdist, which are started next."""
        self.file = self.cleanup.enter_context(reaping()) / "servers.json"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a process of xdist where it will find the servers."""
        node.workerinput[_FILE] = str(self.file)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Start them beside the tests that need none."""
        if self.starting is None and any(map(needs_servers, ids)):
            self.starting = self.pool.submit(self._start)

    def pytest_unconfigure(self) -> None:
        """End them."""
        self.pool.shutdown(cancel_futures=True)
        self.cleanup.close()

    def _start(self) -> Servers:
        try:
            servers = self.cleanup.enter_context(running_servers(self.reporter))
        except (ServersUnavailable, ServerFailed) as failure:
            self._tell({"failure": str(failure)})
            raise
        addresses = (servers.rabbitmq_url, servers.management_url, servers.mongo_url, servers.redis_url)
        self._tell({"addresses": addresses})
        return servers

    def _tell(self, facts: Mapping[str, object]) -> None:
        if self.file:
            unfinished = self.file.with_suffix(".part")
            unfinished.touch(mode=0o600)  # somebody's own servers may have passwords
            unfinished.write_text(json.dumps(facts))
            unfinished.rename(self.file)


@dataclass(frozen=True, slots=True)
class FoundServers:
    """The servers in a process of xdist's, which finds them by *file*."""

    file: Path

    def get(self) -> Servers:
        """Wait until they have started, and return them.

        Raises:
            ServersUnavailable: There are none.

        """
        wait_until(self.file.exists, within=_SECONDS_TO_START)
        facts = json.loads(self.file.read_text())
        if failure := facts.get("failure"):
            raise ServersUnavailable(failure)
        return Servers(*facts["addresses"])


def servers_of(config: pytest.Config) -> OwnedServers | FoundServers:
    """Return the servers as this process comes to them."""
    if file := getattr(config, "workerinput", {}).get(_FILE):
        return FoundServers(Path(file))
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return OwnedServers(reporter.write_line if reporter else print)


def is_one_of_many(config: pytest.Config) -> bool:
    """Return whether other processes use the same servers at the same time."""
    return hasattr(config, "workerinput")
