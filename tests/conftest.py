"""Real servers for every test that claims anything about them: started here, or given by the environment."""

from collections.abc import Iterator

import pytest

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import Servers, running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """RabbitMQ, MongoDB and Redis."""
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    with running_servers(reporter.write_line if reporter else print) as started:
        yield started


@pytest.fixture(scope="session")
def sandbox(servers: Servers) -> Iterator[Sandbox]:
    """A virtual host and a database of our own, with the topology and users of the definitions file."""
    with new_sandbox(servers, definitions(topology())) as env:
        yield env
