"""One suite for everything that has the interface of the client."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from profile_contracts.client import ProfileClient
from profile_contracts.operations import AUTH_START_RESET
from profile_contracts.profiles import CreateProfile, Profile, Role
from profile_contracts.testing import FakeProfileClient
from profile_contracts.verifier import TokenVerifier
from tests.integration.clients.node_client import NodeVerifier, node_client
from tests.integration.clients.subjects import Subject
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

CreateAdmin = Callable[[CreateProfile], Awaitable[Profile]]


@pytest_asyncio.fixture(scope="session")
async def trusted_client(sandbox: Sandbox, worker: Worker) -> AsyncIterator[ProfileClient]:
    """The client in Python for a trusted service, on a worker."""
    assert worker.process.poll() is None
    async with ProfileClient(sandbox.service_url, timeout=30) as trusted:
        yield trusted


@pytest.fixture(scope="session")
def create_admin(trusted_client: ProfileClient) -> CreateAdmin:
    """A trusted service that signs administrators up."""

    async def create(request: CreateProfile) -> Profile:
        return await trusted_client.create_profile(request.model_copy(update={"role": Role.ADMIN}))

    return create


@pytest_asyncio.fixture(scope="session")
async def python_client(
    sandbox: Sandbox, trusted_client: ProfileClient, create_admin: CreateAdmin
) -> AsyncIterator[Subject]:
    """The client in Python, on a worker."""
    async with ProfileClient(sandbox.gateway_url, timeout=30) as client:
        yield Subject(client, trusted_client, lambda: TokenVerifier(client), create_admin)


@pytest_asyncio.fixture(scope="session")
async def typescript_client(sandbox: Sandbox, create_admin: CreateAdmin) -> AsyncIterator[Subject]:
    """The client in TypeScript, on a worker."""
    async with node_client(sandbox.gateway_url) as client, node_client(sandbox.service_url) as trusted:
        yield Subject(client, trusted, lambda: NodeVerifier(client.driver), create_admin)


@pytest_asyncio.fixture(scope="session")
async def python_fake() -> AsyncIterator[Subject]:
    """The fake of the client in Python."""
    async with FakeProfileClient(trusted_for=[AUTH_START_RESET.queue]) as fake:

        async def create(request: CreateProfile) -> Profile:
            created = await fake.create_profile(request)
            fake.make_admin(created.id)
            return created

        yield Subject(fake, fake, lambda: TokenVerifier(fake), create)


@pytest.fixture(params=["python_client", "python_fake", "typescript_client"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each of them in turn."""
    chosen = request.getfixturevalue(request.param)
    assert isinstance(chosen, Subject)
    return chosen
