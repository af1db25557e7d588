"""The client in TypeScript where the line is at fault, and its documents."""

import asyncio
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import pytest

from asyncapi.node import find_node, run
from profile_contracts.errors import Disconnected, NoReply, NotSent
from profile_contracts.posts import ListPosts
from profile_contracts.profiles import GetProfile, Profile, UpdateProfile
from profile_contracts.verifier import CannotVerify, TokenRefused
from service.pkg.management_api import ManagementApi
from tests.documents import blocks
from tests.integration.clients.node_client import NodeVerifier, node_client
from tests.integration.clients.subjects import a_sign_up
from tests.integration.clients.typescript import PACKAGE, build
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, eventually
from tests.integration.proxy import behind, proxied
from tests.integration.replies import result
from tests.integration.workers import address_of
from tools.servers.sandbox import Sandbox
from tools.typescript import GENERATED, rendered
from tools.worker import Worker

NOBODY_LISTENS = "amqp://gateway:gateway@127.0.0.1:1/"


def test_make_docs_would_change_no_type() -> None:
    assert GENERATED.read_text(encoding="utf-8") == rendered()


async def test_null_is_not_sent_where_it_says_nothing(sandbox: Sandbox, worker: Worker) -> None:
    """The service refuses it there: so callers can hand on the cursor of a last page."""
    assert worker.process.poll() is None
    order = {"operation": "post.list", "request": {"limit": 1, "cursor": None}, "token": None, "options": {}}
    async with node_client(sandbox.gateway_url) as client:
        page = await client.driver.ask("call", **order)

    assert page.keys() == {"items", "next_cursor"}


async def test_commands_whose_line_breaks_are_sent_again_and_done_once(
    sandbox: Sandbox, worker: Worker, ada: Person
) -> None:
    assert worker.process.poll() is None
    who, token = UUID(ada["id"]), ada["token"]
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        node_client(behind(proxy, sandbox.gateway_url)) as client,
    ):
        before = await client.get_profile(GetProfile(id=who), token)
        assert isinstance(before, Profile)
        for _ in range(5):
            changes = [UpdateProfile(id=who, last_name=f"King {uuid4().hex}") for _ in range(4)]
            calls = [asyncio.ensure_future(client.update_profile(each, token)) for each in changes]
            await client.list_posts(ListPosts(limit=1))  # so that those before are on their way
            proxy.cut()
            proxy.mend()
            await asyncio.gather(*calls)
        after = await client.get_profile(GetProfile(id=who), token)

    assert isinstance(after, Profile)
    assert after.version == before.version + 20


async def test_events_go_on_after_a_line_that_broke(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    gaps = 0
    heard: list[str] = []

    async def on_gap() -> None:
        nonlocal gaps
        gaps += 1

    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        node_client(behind(proxy, sandbox.gateway_url)) as client,
    ):
        feed = client.events("profile.created", queue=f"gateway.{uuid4().hex}", on_gap=on_gap)

        async def listen() -> None:
            async for event in feed:
                heard.append(event.subject)  # noqa: PERF401 - as they come

        listening = asyncio.create_task(listen())
        await feed.wait_connected()
        created = []
        for _ in range(3):
            created.append(str((await client.create_profile(a_sign_up())).id))
            proxy.cut()
            proxy.mend()

        async def all_heard() -> bool:
            return set(created) <= set(heard)

        assert await eventually(all_heard)
        await feed.close()
        await listening

    assert len(heard) == len(set(heard))
    assert gaps == 1


async def feed_is(verifier: NodeVerifier, *, up: bool) -> None:
    async def look() -> bool:
        return await verifier.feed_is_up() is up

    await eventually(look, within=15)


@pytest.mark.parametrize("setting", ["refuse", "accept"])
async def test_what_a_verifier_does_about_a_feed_that_is_down_and_what_it_missed_meanwhile(
    sandbox: Sandbox, service: Gateway, ada: Person, setting: str
) -> None:
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        node_client(behind(proxy, sandbox.gateway_url)) as client,
        NodeVerifier(client.driver, withoutFeed=setting, askTimeoutMs=300) as verifier,
    ):
        await verifier.verify(ada["token"])
        proxy.cut()
        await feed_is(verifier, up=False)
        if setting == "accept":
            assert str((await verifier.verify(ada["token"])).sub) == ada["id"]
        else:
            with pytest.raises(CannotVerify):
                await verifier.verify(ada["token"])
        result(await service.ask("auth.logout", {"scope": "global"}, token=ada["token"]))
        proxy.mend()
        await feed_is(verifier, up=True)
        with pytest.raises(TokenRefused) as refused:
            await verifier.verify(ada["token"])

    assert refused.value.reason == "session_ended"


async def test_where_one_node_is_away_calls_go_over_the_next(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    async with node_client(NOBODY_LISTENS, sandbox.gateway_url) as client:
        assert (await client.keys()).keys


@pytest.fixture
def address_of_zoe(sandbox: Sandbox) -> Iterator[str]:
    """The address of the broker for a user with letters that an address has to encode."""
    name, password = f"zoë-{uuid4().hex}", "größer als 50%: /@"
    management = ManagementApi.of(sandbox.management_url, sandbox.admin_url)
    management.put("users", name, body={"password": password, "tags": ""})
    try:
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put("permissions", sandbox.vhost, name, body=everything)
        parts = urlsplit(sandbox.gateway_url)
        login = f"{quote(name, safe='')}:{quote(password, safe='')}"
        yield parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}").geturl()
    finally:
        management.delete("users", name)


async def test_a_user_and_a_password_may_have_any_letters(address_of_zoe: str, worker: Worker) -> None:
    assert worker.process.poll() is None
    async with node_client(address_of_zoe, retry=False) as client:
        assert (await client.keys()).keys


@pytest.mark.parametrize("address", ["amqp://gateway:wrong@{}/", "amqp://gateway:gateway@{}/nowhere"])
async def test_a_broker_that_lets_nobody_in_is_disconnected(sandbox: Sandbox, address: str) -> None:
    host, port = address_of(sandbox.gateway_url)
    async with node_client(address.format(f"{host}:{port}"), retry=False) as client:
        with pytest.raises(Disconnected) as refused:
            await client.keys()

    assert refused.value.sent is False
    assert "wrong" not in str(refused.value)


async def test_a_line_that_has_gone_silent_is_no_reply_in_time(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        node_client(behind(proxy, sandbox.gateway_url)) as client,
    ):
        assert (await client.keys()).keys
        proxy.freeze()
        began = time.monotonic()
        with pytest.raises(NoReply):
            await client.keys(timeout=0.5)

        assert time.monotonic() - began < 5
        proxy.mend()


async def test_calls_that_wait_for_a_connection_when_the_client_closes_are_disconnected(
    sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        node_client(behind(proxy, sandbox.gateway_url)) as client,
    ):
        assert (await client.keys()).keys
        proxy.cut()
        with pytest.raises((Disconnected, NoReply)):  # from here on it needs another connection
            await client.keys(timeout=0.2)
        proxy.mend()
        proxy.freeze()
        calls = [asyncio.ensure_future(client.keys(timeout=30)) for _ in range(5)]

        async def is_connecting() -> bool:
            return bool(proxy.links)

        assert await eventually(is_connecting)
        await client.driver.ask("closeClient")
        began = time.monotonic()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        took = time.monotonic() - began
        proxy.mend()

        async def is_gone() -> bool:
            return not proxy.links

        assert await eventually(is_gone)
        with pytest.raises(NotSent):
            await client.keys()

    assert [type(each) for each in outcomes] == [Disconnected] * 5
    assert took < 2


async def test_a_timeout_out_of_bounds_is_refused(sandbox: Sandbox) -> None:
    async with node_client(sandbox.gateway_url) as client:
        with pytest.raises(ValueError, match="timeout"):
            await client.keys(timeout=0)
        with pytest.raises(ValueError, match="hashes a password"):
            await client.create_profile(a_sign_up(), timeout=0.9)
        with pytest.raises(NotSent):
            await client.keys(idempotency_key="a b")


def _program_of_the_readme(folder: Path, sandbox: Sandbox) -> str:
    """Write it into *folder*; return what it prints."""
    page = blocks(PACKAGE / "README.md")
    place = next(number for number, each in enumerate(page) if each.text.startswith("// first_call.mjs"))
    program, printed = page[place : place + 2]
    text = program.text.replace("amqp://gateway:gateway@127.0.0.1:5672/", sandbox.gateway_url)
    (folder / "first_call.mjs").write_text(text.replace("grace@example.org", f"{uuid4().hex}@example.org"))
    return printed.text


def test_the_program_of_the_readme_runs(sandbox: Sandbox, worker: Worker, tmp_path: Path) -> None:
    assert worker.process.poll() is None
    build()
    printed = _program_of_the_readme(tmp_path, sandbox)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "profile-contracts").symlink_to(PACKAGE)
    done = run((*find_node().node, "first_call.mjs"), tmp_path, 60)

    assert (done.returncode, done.stdout) == (0, printed), done.stdout


@pytest.mark.at_length
def test_the_program_runs_in_a_project_that_is_made_as_the_readme_says(
    sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    clone, project = tmp_path / "clone", tmp_path / "project"
    project.mkdir()
    built = shutil.ignore_patterns("node_modules", "dist", "*.tgz")
    shutil.copytree(PACKAGE, clone / "contracts" / "typescript", ignore=built)
    printed = _program_of_the_readme(project, sandbox)
    (commands,) = [each.text for each in blocks(PACKAGE / "README.md") if "npm pack" in each.text]
    names = {"/path/to/clone": str(clone), "/path/to/your/project": str(project)}
    for line in commands.splitlines():
        for written, actual in names.items():
            line = line.replace(written, actual)  # noqa: PLW2901 - the same line, as it is typed here
        # Whatever npm a reader has, it is called `npm`.
        typed = line.replace("npm ", shlex.join(find_node().npm) + " ")
        done = run(("/bin/sh", "-e", "-c", typed), tmp_path, 120)
        assert done.returncode == 0, done.stdout
    done = run((*find_node().node, "first_call.mjs"), project, 60)

    assert (done.returncode, done.stdout) == (0, printed), done.stdout
