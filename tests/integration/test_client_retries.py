"""The typed client sends again what may be sent again, under one idempotency key."""

import asyncio
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from profile_contracts.client import CallOptions, ProfileClient
from profile_contracts.client.replies import ReplyMode
from profile_contracts.errors import Conflict, Disconnected, NotSent
from profile_contracts.operations import POST_CREATE, PROFILE_UPDATE
from profile_contracts.posts import CreatePost, ListPosts
from profile_contracts.profiles import CreateProfile, GetProfile, Profile, UpdateProfile
from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

PASSWORD = SecretStr("correct horse battery")


async def test_a_command_sent_twice_under_one_key_has_its_effect_once(
    sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    ada = CreateProfile(first_name="Ada", last_name="Lovelace", email=an_address(), password=PASSWORD)
    key = uuid4().hex
    async with ProfileClient(sandbox.gateway_url, timeout=10) as client:
        first = await client.create_profile(ada, idempotency_key=key)
        second = await client.create_profile(ada, idempotency_key=key)

        assert first == second
        with pytest.raises(Conflict, match="email_taken"):
            await client.create_profile(ada)


@pytest.mark.parametrize("replies", ["direct", "queue"])
async def test_commands_whose_line_breaks_are_sent_again_and_done_once(
    sandbox: Sandbox, worker: Worker, ada: Person, replies: ReplyMode
) -> None:
    assert worker.process.poll() is None
    who, token = UUID(ada["id"]), ada["token"]
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        ProfileClient(behind(proxy, sandbox.gateway_url), timeout=30, replies=replies) as client,
    ):
        before = await client.get_profile(GetProfile(id=who), token)
        assert isinstance(before, Profile)
        for _ in range(5):
            changes = [UpdateProfile(id=who, last_name=f"King {uuid4().hex}") for _ in range(4)]
            calls = [asyncio.ensure_future(client.update_profile(each, token)) for each in changes]
            await asyncio.sleep(0)
            proxy.cut()
            proxy.mend()
            await asyncio.gather(*calls)
        after = await client.get_profile(GetProfile(id=who), token)

    assert isinstance(after, Profile)
    assert after.version == before.version + 20


async def test_with_retry_off_a_broken_line_is_disconnected(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        ProfileClient(behind(proxy, sandbox.gateway_url), timeout=10, retry=False) as client,
    ):
        assert (await client.keys()).keys
        proxy.freeze()
        call = asyncio.ensure_future(client.keys())
        await asyncio.sleep(0)
        proxy.cut()
        with pytest.raises(Disconnected):
            await call


async def test_a_published_command_is_carried_out_and_nobody_waits(
    sandbox: Sandbox, worker: Worker, ada: Person
) -> None:
    assert worker.process.poll() is None
    async with ProfileClient(sandbox.gateway_url, timeout=10) as client:
        key, title = uuid4().hex, f"Note {uuid4().hex}"
        for _ in range(2):
            post = CreatePost(title=title, body="It weaves.")
            await client.publish(POST_CREATE, post, ada["token"], idempotency_key=key)

        async def found() -> list[str]:
            posts = await client.list_posts(ListPosts(user_id=UUID(ada["id"])))
            return [each.title for each in posts.items]

        assert await eventually(found)
        rename = UpdateProfile(id=UUID(ada["id"]), last_name="King")
        await client.publish(PROFILE_UPDATE, rename, ada["token"])

        async def renamed() -> bool:
            profile = await client.get_profile(GetProfile(id=UUID(ada["id"])), ada["token"])
            return isinstance(profile, Profile) and profile.last_name == "King"

        assert await eventually(renamed)
        assert await found() == [title]


@pytest.mark.parametrize(
    "options",
    [
        {"idempotency_key": ""},
        {"idempotency_key": "x" * 256},
        {"idempotency_key": "schlüssel"},
        {"idempotency_key": "a b"},
        {"client_ip": "nowhere"},
        {"traceparent": "00-zz-zz-00"},
    ],
    ids="-".join,
)
async def test_an_option_that_cannot_be_sent_is_refused_at_once(
    sandbox: Sandbox, options: CallOptions
) -> None:
    async with ProfileClient(sandbox.gateway_url) as client:
        with pytest.raises(NotSent):
            await client.keys(**options)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e12])
async def test_a_timeout_of_a_call_out_of_bounds_is_refused(sandbox: Sandbox, seconds: float) -> None:
    async with ProfileClient(sandbox.gateway_url) as client:
        with pytest.raises(ValueError, match="timeout"):
            await client.keys(timeout=seconds)


async def test_an_option_that_is_none_is_as_good_as_nothing(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    nothing = CallOptions(
        timeout=None, idempotency_key=None, client_ip=None, user_agent=None, traceparent=None
    )
    async with ProfileClient(sandbox.gateway_url) as client:
        assert (await client.keys(**nothing)).keys
