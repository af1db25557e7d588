"""Servers for faults that hit everybody who uses them."""

from collections.abc import Iterator

import pytest

from tests.shared_servers import is_one_of_many
from tests.vhosts import virtual_hosts
from tools.servers import Servers, running_servers


@pytest.fixture(scope="session")
def own_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Servers that no other process uses: for an alarm, a primary that steps down, or a server that stops."""
    if not is_one_of_many(request.config):
        yield request.getfixturevalue("servers")
        return
    with running_servers(lambda _line: None) as started:
        yield started
        virtual_hosts.delete_idle(started)
