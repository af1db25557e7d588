"""Servers for faults that hit everybody who uses them."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.shared_servers import is_one_of_many
from tests.vhosts import virtual_hosts
from tools.servers import Servers, running_servers
from tools.servers.environment import MONGODB, RABBITMQ, REDIS


@pytest.fixture(scope="session")
def own_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Servers that no other process uses: for an alarm, a primary that steps down, or a server that stops."""
    if not is_one_of_many(request.config):
        shared: Servers = request.getfixturevalue("servers")
        if shared.own_broker:
            yield shared
            return
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            for each in (*RABBITMQ, MONGODB, REDIS):  # what is given there is not ours
                environment.delenv(each, raising=False)
            own = stack.enter_context(running_servers(lambda _line: None))
        yield own
        virtual_hosts.delete_idle(own)
