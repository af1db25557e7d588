"""The typed client: `profile_contracts.client.ProfileClient`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr

from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.errors import (
    Conflict,
    Disconnected,
    ErrorReply,
    Forbidden,
    Invalid,
    NoReply,
    NotFound,
    Unauthenticated,
    Unroutable,
)
from profile_contracts.posts import CreatePost, DeletePost, GetPost, PostStatus, UpdatePost
from profile_contracts.profiles import (
    CreateProfile,
    DeleteProfile,
    GetProfile,
    ListProfiles,
    Profile,
    PublicProfile,
    Role,
    Status,
    UpdateProfile,
)
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tests.builders import an_address
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import Person
from tests.integration.gateway import eventually
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import Worker

PASSWORD = SecretStr("correct horse battery")


@pytest_asyncio.fixture
async def client(sandbox: Sandbox, worker: Worker) -> AsyncIterator[ProfileClient]:
    """A client with the rights of a gateway."""
    assert worker.process.poll() is None
    async with ProfileClient(sandbox.gateway_url, timeout=10, name="test-client") as connected:
        yield connected


def _ada(**changes: Any) -> CreateProfile:
    usual = {"first_name": "Ada", "last_name": "Lovelace", "email": an_address(), "password": PASSWORD}
    return CreateProfile(**{**usual, **changes})


async def test_every_method_returns_what_the_contract_says(client: ProfileClient, bob: Person) -> None:
    asked = _ada()
    created = await client.create_profile(asked)
    tokens = await client.log_in(LogIn(email=asked.email.upper(), password=PASSWORD))
    token = tokens.access_token
    keys = await client.keys()

    assert (created.version, created.role, created.status) == (1, Role.USER, Status.ACTIVE)
    assert tokens.profile_id == created.id
    assert [key.kty for key in keys.keys] == ["OKP"]

    mine = await client.get_profile(GetProfile(id=created.id), token)
    of_other = await client.get_profile(GetProfile(id=UUID(bob["id"])), token)
    changed = await client.update_profile(UpdateProfile(id=created.id, last_name="King"), token)
    deleted = await client.delete_profile(DeleteProfile(id=created.id, expected_version=2), token)

    assert isinstance(mine, Profile)
    assert mine == created
    assert isinstance(of_other, PublicProfile)
    assert (changed.last_name, changed.version) == ("King", 2)
    assert (deleted.id, deleted.status) == (created.id, Status.DELETED)


async def test_posts_are_written_read_changed_and_deleted(
    client: ProfileClient, ada: Person, bob: Person
) -> None:
    token = ada["token"]
    written = await client.create_post(CreatePost(title="Note G", body="It weaves."), token)
    found = await client.get_post(GetPost(id=written.id))
    changed = await client.update_post(UpdatePost(id=written.id, title="Note H"), token)

    assert (found, str(found.user_id)) == (written, ada["id"])
    assert (changed.title, changed.body, changed.version) == ("Note H", "It weaves.", 2)
    with pytest.raises(Forbidden):
        await client.delete_post(DeletePost(id=written.id), bob["token"])

    deleted = await client.delete_post(DeletePost(id=written.id, expected_version=2), token)

    assert (deleted.id, deleted.status) == (written.id, PostStatus.DELETED)
    with pytest.raises(NotFound):
        await client.get_post(GetPost(id=written.id))


async def test_a_list_is_read_page_by_page(client: ProfileClient, admin: Person) -> None:
    begin = f"list{uuid4().hex}"
    made = [await client.create_profile(_ada(email=f"{begin}.{each}@example.org")) for each in range(3)]
    first = await client.list_profiles(ListProfiles(email_prefix=begin, limit=2), admin["token"])
    assert first.next_cursor
    following = ListProfiles(email_prefix=begin, limit=2, cursor=first.next_cursor)
    second = await client.list_profiles(following, admin["token"])

    assert [*first.items, *second.items] == made
    assert second.next_cursor is None


async def test_two_thousand_calls_are_in_flight_at_once_over_one_connection(
    client: ProfileClient, broker: Broker, ada: Person, bob: Person
) -> None:
    ids = [UUID(ada["id"]), UUID(bob["id"])] * 50
    others = [asyncio.ensure_future(client.keys(timeout=60)) for _ in range(1_900)]
    asked = [client.get_profile(GetProfile(id=each), ada["token"], timeout=60) for each in ids]
    found = await asyncio.gather(*asked)

    assert [each.id for each in found] == ids
    assert all(each.keys for each in await asyncio.gather(*others))

    async def look() -> list[dict[str, Any]]:
        return await broker.connections("test-client")

    assert len(await eventually(look)) == 1


async def test_refusals_are_typed_and_hold_the_error_as_it_came(
    client: ProfileClient, ada: Person, bob: Person
) -> None:
    own, other, nobody = UUID(ada["id"]), UUID(bob["id"]), uuid4()
    stale = UpdateProfile(id=own, expected_version=9, last_name="King")
    attempts = (
        (Invalid, "password_too_short", client.create_profile(_ada(password=SecretStr("short")))),
        (Unauthenticated, "missing_token", client.get_profile(GetProfile(id=own))),
        (Unauthenticated, "token_invalid", client.get_profile(GetProfile(id=own), "dead")),
        (
            Unauthenticated,
            "invalid_credentials",
            client.log_in(LogIn(email="a@b.example", password=PASSWORD)),
        ),
        (Forbidden, "not_allowed", client.delete_profile(DeleteProfile(id=other), ada["token"])),
        (NotFound, "profile_not_found", client.get_profile(GetProfile(id=nobody), ada["token"])),
        (Forbidden, "not_allowed", client.list_profiles(ListProfiles(), ada["token"])),
        (Conflict, "stale_version", client.update_profile(stale, ada["token"])),
        (Conflict, "email_taken", client.create_profile(_ada(email=ada["email"]))),
    )
    for kind, reason, attempt in attempts:
        with pytest.raises(kind) as refused:
            await attempt

        assert isinstance(refused.value, ErrorReply)
        assert refused.value.error.reason == reason
        assert refused.value.error.retryable is False


@pytest.fixture(scope="module")
def silent(servers: Servers) -> Iterator[Sandbox]:
    """A broker without a worker, without the queue `auth.keys`, and without what catches the unroutable."""
    bare = deepcopy(definitions(topology()))
    bare["policies"] = [each for each in bare["policies"] if each["name"] != "profile-alternate"]
    for kind, name in (("queues", "name"), ("bindings", "destination")):
        bare[kind] = [each for each in bare[kind] if each[name] != "auth.keys"]
    with new_sandbox(servers, bare) as env:
        yield env


async def test_silence_is_no_reply(silent: Sandbox) -> None:
    async with ProfileClient(silent.gateway_url, timeout=0.3) as client:
        with pytest.raises(NoReply, match=r"profile\.get within 0\.3 s"):
            await client.get_profile(GetProfile(id=uuid4()))


async def test_a_request_that_no_queue_takes_comes_back_at_once(silent: Sandbox) -> None:
    async with ProfileClient(silent.gateway_url, timeout=30) as client:
        with pytest.raises(Unroutable):
            await client.keys()


async def test_what_waits_longer_than_the_caller_is_dropped_by_the_broker(silent: Sandbox) -> None:
    async with (
        ProfileClient(silent.gateway_url, timeout=0.3) as client,
        administrating(silent) as administrator,
    ):
        with pytest.raises(NoReply):
            await client.get_profile(GetProfile(id=uuid4()))

        async def is_empty() -> bool:
            return await administrator.ready("profile.get") == 0

        assert await eventually(is_empty)


async def _connection_of(broker: Broker, name: str) -> str:
    async def look() -> list[dict[str, Any]]:
        return await broker.connections(name)

    (connection,) = await eventually(look)
    return str(connection["name"])


async def test_calls_in_flight_hear_of_a_lost_connection_and_later_ones_work(
    sandbox: Sandbox, worker: Worker, broker: Broker
) -> None:
    assert worker.process.poll() is None
    name = f"lost-{uuid4().hex}"
    async with ProfileClient(sandbox.gateway_url, timeout=10, name=name) as client:
        assert (await client.keys()).keys
        calls = [asyncio.ensure_future(client.create_profile(_ada())) for _ in range(10)]
        await broker.close_connection(await _connection_of(broker, name))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

        assert all(isinstance(each, Profile | Disconnected) for each in outcomes), outcomes

        async def works() -> bool:
            try:
                return bool((await client.keys()).keys)
            except Disconnected:
                return False

        assert await eventually(works)
        assert len(await asyncio.gather(*(client.keys() for _ in range(50)))) == 50
