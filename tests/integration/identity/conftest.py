"""More workers than one, and corners where workers are set up otherwise."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from profile_contracts.operations import OPERATIONS
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected
from tests.integration.identity.events import Listener, listening
from tests.integration.workers import CHEAP_WORKER, running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import Worker


@dataclass(frozen=True, slots=True)
class IsolatedEnv:
    """A sandbox of its own with a worker.

    Attributes:
        gateway: A service that is not trusted.
        service: One that is.

    """

    sandbox: Sandbox
    worker: Worker
    gateway: Gateway
    service: Gateway

    @property
    def keys(self) -> Path:
        """The folder of the signing keys."""
        return self.worker.log.parent / "keys"


@pytest.fixture(scope="module")
def second(sandbox: Sandbox, worker: Worker) -> Iterator[Worker]:
    """One more worker beside the usual one: RabbitMQ gives requests to both in turns."""
    with running_worker(sandbox, worker.log.parent, settings_for(sandbox), "second") as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def listener(sandbox: Sandbox) -> AsyncIterator[Listener]:
    """Hears the events of the usual workers."""
    async with listening(sandbox.admin_url) as hearing:
        yield hearing


@asynccontextmanager
async def trusting_worker(
    servers: Servers, folder: Path, module: Sequence[str] = CHEAP_WORKER
) -> AsyncIterator[IsolatedEnv]:
    """Run a worker that trusts one service with everything."""
    with new_sandbox(servers, definitions(topology())) as sandbox:
        trusted = {str(urlsplit(sandbox.service_url).username): [each.queue for each in OPERATIONS]}
        settings = {"BCRYPT_COST": "10", "TRUSTED_SERVICES": json.dumps(trusted)}
        with running_worker(sandbox, folder, settings, module=module) as worker:
            async with connected(sandbox.gateway_url) as gateway, connected(sandbox.service_url) as service:
                yield IsolatedEnv(sandbox, worker, gateway, service)


@pytest_asyncio.fixture(scope="session")
async def trusting(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[IsolatedEnv]:
    """A worker that trusts one service with everything."""
    async with trusting_worker(servers, tmp_path_factory.mktemp("trusting")) as env:
        yield env


@pytest_asyncio.fixture(scope="session")
async def empty(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[IsolatedEnv]:
    """A worker whose service has no users yet, and keys that nobody else uses."""
    folder = tmp_path_factory.mktemp("empty")
    with (
        new_sandbox(servers, definitions(topology())) as sandbox,
        running_worker(sandbox, folder, settings_for(sandbox)) as worker,
    ):
        async with connected(sandbox.gateway_url) as gateway, connected(sandbox.service_url) as service:
            yield IsolatedEnv(sandbox, worker, gateway, service)
