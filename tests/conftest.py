"""Real servers for every test that claims anything about them: started here, or given by the environment."""

from collections.abc import Iterator

import pytest

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import ServerFailed, Servers, ServersUnavailable, running_servers
from tools.servers.sandbox import Sandbox, sandbox


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """RabbitMQ, MongoDB and Redis."""
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    try:
        with running_servers(reporter.write_line if reporter else print) as started:
            yield started
    except (ServersUnavailable, ServerFailed) as reason:
        pytest.exit(str(reason), returncode=1)  # a sentence, not a traceback for each test


@pytest.fixture(scope="session")
def box(servers: Servers) -> Iterator[Sandbox]:
    """A virtual host and a database of our own, with the topology and users of the definitions file."""
    with sandbox(servers, definitions(topology())) as corner:
        yield corner
