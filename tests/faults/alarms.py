"""What only Erlang can do in a broker, as the management API has no way to it: an alarm of memory, say."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.integration.broker import Broker
from tests.integration.gateway import eventually

# Of the machine's memory: a share that any node has taken already.
_NONE: Final = "1.0e-9"
_ARGUMENTS: Final = "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"


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

    async def call(self, function: str, arguments: str = "") -> str:
        """Return what *function*, `module, name`, gives there; all are Erlang's terms."""
        return await self._run(f"rpc:call('{self.name}', {function}, [{arguments}])")

    async def evaluate(self, expression: str) -> str:
        """Return what an *expression* of Erlang gives there."""
        tokens = f"{{ok, Tokens, _}} = erl_scan:string({json.dumps(expression + '.')})"
        parsed = "{ok, Parsed} = erl_parse:parse_exprs(Tokens)"
        return await self._run(f"{tokens}, {parsed}, rpc:call('{self.name}', erl_eval, exprs, [Parsed, []])")

    async def _run(self, expressions: str) -> str:
        options = f"-noinput -hidden -sname caller-{os.getpid()}@localhost -dist_listen false"
        finding = f"-start_epmd false -erl_epmd_port {self.port}"
        erlang = await asyncio.create_subprocess_exec(
            *("erl", *options.split(), *finding.split()),
            *("-eval", f'io:format("~w", [begin {expressions} end]), erlang:halt().'),
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.PIPE,
        )
        result, _ = await erlang.communicate()
        assert erlang.returncode == 0
        assert not result.startswith(b"{badrpc")
        return result.decode()


async def node_of(broker: Broker) -> Node | None:
    """Return the node of *broker*, if it is one that `tools/servers` started here."""
    (facts, *_others) = await eventually(lambda: _nodes(broker))
    return _node(facts)


def _node(facts: Mapping[str, Any]) -> Node | None:
    home = Path(facts["config_files"][0]).parent
    variables = Path(f"/proc/{facts['os_pid']}/environ")
    if not home.parent.name.startswith("profile-servers-") or not variables.exists():
        return None
    values = dict(each.split("=", 1) for each in variables.read_text().split("\0") if "=" in each)
    _, _, rest = values[_ARGUMENTS].partition("-erl_epmd_port ")
    return Node(facts["name"], rest.split()[0], home)


async def _nodes(broker: Broker) -> list[dict[str, Any]]:
    """Return the broker's nodes, once they have told about themselves."""
    return [each for each in await broker.look("nodes") if "os_pid" in each]


@asynccontextmanager
async def memory_alarm(node: Node) -> AsyncIterator[None]:
    """Let the whole broker take nothing more inside the block."""
    before = await node.call("vm_memory_monitor, get_vm_memory_high_watermark")
    try:
        await node.call("vm_memory_monitor, set_vm_memory_high_watermark", _NONE)
        yield
    finally:
        await node.call("vm_memory_monitor, set_vm_memory_high_watermark", before)


async def suspend_channels(broker: Broker, user: str, consumers: int = 0, *, confirms: bool = True) -> None:
    """Let the broker do nothing more on channels of *user* with or without confirms, and so many consumers.

    It reads on what comes over their connections. So are channels that wait for a node that is cut off.
    """
    node = await node_of(broker)
    assert node
    ours = f'[{str(confirms).lower()}, {consumers}, <<"{broker.vhost}">>, <<"{user}">>]'
    await node.evaluate(
        f"[sys:suspend(Each) || Each <- rabbit_channel:list_local(),"
        f" [Value || {{_, Value}} <- rabbit_channel:info(Each, [confirm, consumer_count, vhost, user])]"
        f" =:= {ours}]"
    )
