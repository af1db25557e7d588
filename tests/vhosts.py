"""Virtual hosts that tests use one after another.

To make one with the whole topology, and to delete it, takes a broker 0.8 s of CPU, and a run would do it a
hundred times.
"""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from service.pkg.management_api import ManagementApi
from tests.integration.connections import connect
from tools.servers import Servers
from tools.servers.sandbox import admin_url, management_of, virtual_host
from tools.servers.waiting import wait_until

# For the broker to notice that the connections of a test have gone.
_SECONDS: Final = 3.0
# A message that waits in one queue may come to another while they are emptied.
_ROUNDS: Final = 3


@dataclass(slots=True)
class VirtualHosts:
    """Those of one process that nobody uses at the moment."""

    idle: list["VirtualHost"] = field(default_factory=list)

    @contextmanager
    def borrowed(self, servers: Servers) -> Iterator[str]:
        """Give one that is as new, but for what the console has counted.

        It is taken back if nothing but messages was left in it, and deleted otherwise.
        """
        host = self._idle_one(servers) or VirtualHost.made(servers)
        with ExitStack() as otherwise:
            otherwise.callback(host.end.close)
            yield host.name
            if host.is_restored():
                otherwise.pop_all()
                self.idle.append(host)

    def _idle_one(self, servers: Servers) -> "VirtualHost | None":
        host = next((each for each in self.idle if each.servers == servers), None)
        if host:
            self.idle.remove(host)
        return host

    def delete_idle(self, servers: Servers) -> None:
        """Delete those of *servers*, which are about to end."""
        while host := self._idle_one(servers):
            host.end.close()


@dataclass(slots=True)
class VirtualHost:
    """One of them.

    Attributes:
        end: Deletes it.
        made_of: What it held when it was made.

    """

    servers: Servers
    name: str
    end: ExitStack
    made_of: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def made(cls, servers: Servers) -> "VirtualHost":
        """Make one with the topology of the definitions file."""
        with ExitStack() as stack:
            name = stack.enter_context(virtual_host(servers, definitions(topology())))
            host = cls(servers, name, stack)
            host.made_of = host.holds()
            host.end = stack.pop_all()
        return host

    @property
    def management(self) -> ManagementApi:
        """The management API of its broker."""
        return management_of(self.servers)

    def holds(self) -> dict[str, list[str]]:
        """Return its exchanges, queues, bindings, policies and permissions."""
        held: dict[str, Any] = self.management.get("definitions", self.name)
        held["permissions"] = self.management.get("vhosts", self.name, "permissions")
        return {kind: sorted(map(json.dumps, each)) for kind, each in held.items() if isinstance(each, list)}

    def is_restored(self) -> bool:
        """Return whether it is as it was made, once its connections are gone and its queues are emptied."""
        try:
            wait_until(lambda: not self.management.get("vhosts", self.name, "connections"), within=_SECONDS)
        except TimeoutError:
            return False
        if self.holds() != self.made_of:
            return False
        with ThreadPoolExecutor(1) as another_thread:  # this one may run a loop already
            return another_thread.submit(asyncio.run, self._purge()).result()

    async def _purge(self) -> bool:
        queues = [json.loads(each)["name"] for each in self.made_of["queues"]]
        async with await connect(admin_url(self.servers, self.name)) as connection:
            channel = await connection.channel()
            underlay = await channel.get_underlay_channel()
            for _ in range(_ROUNDS):
                # To look costs the broker next to nothing; to purge a quorum queue is a write to its log.
                found = [await underlay.queue_declare(each, passive=True) for each in queues]
                full = [str(each.queue) for each in found if each.message_count]
                if not full:
                    return True
                for each in full:
                    await underlay.queue_purge(each)
        return False


virtual_hosts: Final = VirtualHosts()
