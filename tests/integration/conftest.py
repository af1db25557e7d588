"""A worker process on real servers, spoken to over AMQP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from hashlib import sha1
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

import aiormq
import pytest
import pytest_asyncio

from service.infrastructure.rabbitmq.joined_writes import install_joined_writes
from tests.builders import an_address
from tests.integration.broker import Broker, administrating
from tests.integration.gateway import Gateway, connected
from tests.integration.requests import PASSWORD, a_request
from tests.integration.workers import running_worker
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

Person = dict[str, str]
# Of access tokens, in seconds.
LIFETIME = 7_200
# A password that others know.
LEAKED = "a horse that has leaked"

SignUp = Callable[..., Awaitable[Person]]


@pytest.fixture
def joined_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections send as those of a worker do, for one test."""
    for name in ("TCPTransportFactory", "TLSTransportFactory", "Connection.FRAME_BUFFER_SIZE"):
        monkeypatch.setattr(f"aiormq.connection.{name}", attrgetter(name)(aiormq.connection))
    install_joined_writes()


def settings_for(sandbox: Sandbox) -> dict[str, str]:
    """Return the settings of the workers here."""
    trusted = {
        "profile-service": [
            *("profile.create", "profile.get", "profile.list", "profile.update"),
            *("auth.start_reset", "auth.start_verification"),
        ],
        # The administrator of the broker stands for one more service, trusted with one thing only.
        str(urlsplit(sandbox.admin_url).username): ["profile.delete"],
    }
    return {
        # The lowest cost that Settings take: tests are about other things than time.
        "BCRYPT_COST": "10",
        # Some users are logged in for as long as all the tests take.
        "ACCESS_TOKEN_SECONDS": str(LIFETIME),
        "TRUSTED_SERVICES": json.dumps(trusted),
        # Or it would take a hundred wrong passwords to see what comes then.
        "GUESSES_NETWORK_BURST": "20",
    }


@pytest.fixture(scope="session")
def worker(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker on the sandbox."""
    folder = tmp_path_factory.mktemp("worker")
    breached = folder / "breached.txt"
    breached.write_text(f"{sha1(LEAKED.encode(), usedforsecurity=False).hexdigest().upper()}:7\r\n")
    words = {"PASSWORD_CONTEXT_WORDS": '["AcmeCorp"]'}
    settings = {**settings_for(sandbox), "BREACHED_PASSWORDS": str(breached), **words}
    with running_worker(sandbox, folder, settings) as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def gateway(sandbox: Sandbox, worker: Worker) -> AsyncIterator[Gateway]:
    """A gateway with the rights of the broker user of that name."""
    assert worker.process.poll() is None
    async with connected(sandbox.gateway_url) as plain:
        yield plain


@pytest_asyncio.fixture(scope="session")
async def service(sandbox: Sandbox, worker: Worker) -> AsyncIterator[Gateway]:
    """A trusted service, which publishes to queues by their names."""
    assert worker.process.poll() is None
    async with connected(sandbox.service_url, exchange="") as trusted:
        yield trusted


@pytest_asyncio.fixture(scope="session")
async def cleaner(sandbox: Sandbox, worker: Worker) -> AsyncIterator[Gateway]:
    """A service that is trusted to delete profiles, and with nothing else."""
    assert worker.process.poll() is None
    async with connected(sandbox.admin_url) as trusted:
        yield trusted


@pytest_asyncio.fixture(scope="session")
async def broker(sandbox: Sandbox) -> AsyncIterator[Broker]:
    """The broker as its administrator sees it."""
    async with administrating(sandbox) as administrator:
        yield administrator


@pytest.fixture(scope="session")
def sign_up(service: Gateway) -> SignUp:
    """A function that makes a user who has logged in: id, email, password, token, and what was asked for."""

    async def make(**changes: Any) -> Person:
        asked = a_request("profile.create", **{"email": an_address(), **changes})
        created = await service.ask("profile.create", asked)
        credentials = {"email": asked["email"], "password": asked["password"]}
        tokens = await service.ask("auth.login", credentials)
        return {**asked, "id": created["result"]["id"], "token": tokens["result"]["access_token"]}

    return make


@pytest_asyncio.fixture
async def ada(sign_up: SignUp) -> Person:
    """A new user who has logged in."""
    return await sign_up(password=PASSWORD)


@pytest_asyncio.fixture(scope="session")
async def bob(sign_up: SignUp) -> Person:
    """Some other user who has logged in."""
    return await sign_up(first_name="Bob")


@pytest_asyncio.fixture(scope="session")
async def admin(sign_up: SignUp) -> Person:
    """An administrator, made by a trusted service."""
    return await sign_up(first_name="Grace", role="admin")
