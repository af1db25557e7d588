"""Erlang's daemon that tells nodes each other's ports: ours need none, and one would outlive them."""

import pytest

from tests.faults.alarms import node_of
from tests.integration.broker import administrating
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers
from tools.servers.processes import free_port, is_free


@pytest.mark.at_length
async def test_a_broker_that_wakes_epmd_every_minute_starts_none(own_servers: Servers) -> None:
    with isolated_sandbox(own_servers) as sandbox:
        async with administrating(sandbox) as broker:
            node = await node_of(broker)
    assert node, "only a broker that we started can be told what to do"
    port = free_port()  # elsewhere than where one may run already
    await node.call("os, putenv", f'"ERL_EPMD_PORT", "{port}"')
    await node.call("rabbit_nodes, ensure_epmd")
    await node.call("os, unsetenv", '"ERL_EPMD_PORT"')

    assert is_free(port)
