"""A worker process on real servers, spoken to over AMQP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.builders import an_address
from tests.integration.gateway import Gateway, connected
from tools.servers.sandbox import Sandbox
from tools.worker import Worker, running_worker

# The lowest that Settings take: tests are about other things than time.
SETTINGS = {"BCRYPT_COST": "10", "TRUSTED_SERVICES": '{"profile-service": ["profile.create", "profile.get"]}'}
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def worker(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker on the sandbox."""
    with running_worker(box, tmp_path_factory.mktemp("worker"), SETTINGS) as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def gateway(box: Sandbox, worker: Worker) -> AsyncIterator[Gateway]:
    """A gateway with the rights of the broker user of that name."""
    assert worker.process.poll() is None
    async with connected(box.gateway_url) as plain:
        yield plain


@pytest_asyncio.fixture
async def ada(gateway: Gateway) -> dict[str, str]:
    """A new user who has logged in: id, email, password, token."""
    address = an_address()
    person = {"first_name": "Ada", "last_name": "Lovelace", "email": address, "password": PASSWORD}
    created = await gateway.ask("profile.create", person)
    tokens = await gateway.ask("auth.login", {"email": address, "password": PASSWORD})
    return {
        "id": created["result"]["id"],
        "email": address,
        "password": PASSWORD,
        "token": tokens["result"]["access_token"],
    }
