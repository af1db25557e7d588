"""One suite for everything that has the interface of the client."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from profile_contracts.client import ProfileClient
from profile_contracts.profiles import CreateProfile, Profile, Role
from profile_contracts.testing import FakeProfileClient
from tests.integration.clients.subjects import Subject
from tools.servers.sandbox import Sandbox
from tools.worker import Worker


@pytest_asyncio.fixture(scope="session")
async def python_client(sandbox: Sandbox, worker: Worker) -> AsyncIterator[Subject]:
    """The client in Python, on a worker."""
    assert worker.process.poll() is None
    async with (
        ProfileClient(sandbox.gateway_url, timeout=30, name="contract") as client,
        ProfileClient(sandbox.service_url, timeout=30) as trusted,
    ):

        async def create_admin(request: CreateProfile) -> Profile:
            return await trusted.create_profile(request.model_copy(update={"role": Role.ADMIN}))

        yield Subject(client, create_admin)


@pytest_asyncio.fixture(scope="session")
async def python_fake() -> AsyncIterator[Subject]:
    """The fake of it."""
    async with FakeProfileClient() as fake:

        async def create_admin(request: CreateProfile) -> Profile:
            created = await fake.create_profile(request)
            fake.make_admin(created.id)
            return created

        yield Subject(fake, create_admin)


@pytest.fixture(params=["python_client", "python_fake"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each of them in turn."""
    chosen = request.getfixturevalue(request.param)
    assert isinstance(chosen, Subject)
    return chosen
