"""RabbitMQ's alarm when memory is short. The management API has no way to it, so Erlang has to raise it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.integration.broker import Broker
from tests.integration.gateway import eventually

# Of the machine's memory: what RabbitMQ takes for its limit by default, and what it always exceeds.
_USUAL, _NONE = "0.4", "1.0e-9"
_ARGUMENTS: Final = "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"
_CALL: Final = (
    "ok = rpc:call('{node}', vm_memory_monitor, set_vm_memory_high_watermark, [{share}]), erlang:halt()."
)


@dataclass(frozen=True, slots=True)
class Node:
    """A broker that runs on this machine, started by `tools/servers`.

    Attributes:
        port: Where it listens for other Erlangs; no epmd knows it.
        home: Where the cookie is that lets them in.

    """

    name: str
    port: str
    home: Path

    async def set_watermark(self, share: str) -> None:
        """Set the limit of memory to a *share* of the machine's."""
        options = f"-noinput -hidden -sname alarm-{os.getpid()}@localhost -dist_listen false"
        finding = f"-start_epmd false -erl_epmd_port {self.port}"
        erlang = await asyncio.create_subprocess_exec(
            *("erl", *options.split(), *finding.split()),
            *("-eval", _CALL.format(node=self.name, share=share)),
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
        )
        assert await erlang.wait() == 0


async def node_of(broker: Broker) -> Node | None:
    """Return the node of *broker*, if it is one that `tools/servers` started here."""
    (facts, *_others) = await eventually(lambda: _nodes(broker))
    home = Path(facts["config_files"][0]).parent
    if not home.parent.name.startswith("profile-servers-"):
        return None
    variables = await asyncio.to_thread(Path(f"/proc/{facts['os_pid']}/environ").read_text)
    values = dict(each.split("=", 1) for each in variables.split("\0") if "=" in each)
    _, _, rest = values[_ARGUMENTS].partition("-erl_epmd_port ")
    return Node(facts["name"], rest.split()[0], home)


async def _nodes(broker: Broker) -> list[dict[str, Any]]:
    """Return the broker's nodes, once they have told about themselves."""
    return [each for each in await broker.look("nodes") if "os_pid" in each]


@asynccontextmanager
async def memory_alarm(node: Node) -> AsyncIterator[None]:
    """Let the whole broker take nothing more inside the block."""
    try:
        await node.set_watermark(_NONE)
        yield
    finally:
        await node.set_watermark(_USUAL)
