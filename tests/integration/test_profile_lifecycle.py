"""The life of a profile: deleted, restored, exported, erased, and its posts with it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from pymongo.asynchronous.database import AsyncDatabase

from service.bootstrap import AdminUseCases, Resources
from service.pkg.database import close_mongo, default_database, open_mongo
from service.settings import Settings
from tests.at_length import at_length
from tests.integration.broker import Broker, administrating
from tests.integration.canary import Canary, a_canary, use_as_meant
from tests.integration.conftest import Person, settings_for
from tests.integration.data_residue import every_event_kept, in_mongodb, in_queues, in_redis
from tests.integration.gateway import connected, eventually
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.events import Listener, listening
from tests.integration.identity.people import guess, logged_in, outcomes, signed_up
from tests.integration.identity.profilectl import profilectl, profilectl_refuses
from tests.integration.replies import refusal, result
from tests.integration.requests import a_request
from tests.integration.workers import isolated_sandbox, working
from tests.many_posts import store_posts
from tools.servers import Servers

Database = AsyncDatabase[dict[str, Any]]
NOT_FOUND = ("not_found", "post_not_found")
KEPT = "kept-by-a-test"


@pytest_asyncio.fixture(scope="module")
async def env(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[IsolatedEnv]:
    """A sandbox whose queues and databases can be looked through."""
    folder = tmp_path_factory.mktemp("life")
    with isolated_sandbox(servers) as sandbox:
        async with (
            working(sandbox, folder, settings_for(sandbox)) as worker,
            connected(sandbox.gateway_url) as gateway,
            connected(sandbox.service_url) as service,
        ):
            yield IsolatedEnv(sandbox, worker, gateway, service)


@pytest_asyncio.fixture(scope="module")
async def database(env: IsolatedEnv) -> AsyncIterator[Database]:
    """The database behind the worker."""
    client = open_mongo(env.sandbox.mongo_url)
    yield default_database(client)
    await close_mongo(client)


@pytest_asyncio.fixture(scope="module")
async def listener(env: IsolatedEnv) -> AsyncIterator[Listener]:
    """Hears the events of the worker."""
    async with listening(env.sandbox.admin_url) as hearing:
        yield hearing


@pytest_asyncio.fixture(scope="module")
async def administrator(env: IsolatedEnv) -> AsyncIterator[Broker]:
    """The broker as its administrator sees it."""
    async with administrating(env.sandbox) as broker:
        yield broker


@pytest_asyncio.fixture
async def ada(env: IsolatedEnv) -> Person:
    """A new user who has logged in."""
    person = await signed_up(env.service)
    return {**person, "token": (await logged_in(env.gateway, person))["access_token"]}


async def write(env: IsolatedEnv, person: Person, **changes: str) -> str:
    """Return the id of a new post of *person*."""
    asked = a_request("post.create", **changes)
    return str(result(await env.gateway.ask("post.create", asked, token=person["token"]))["id"])


async def delete(env: IsolatedEnv, person: Person) -> dict[str, Any]:
    """Delete the profile of *person*, who asks for it."""
    reply = await env.gateway.ask("profile.delete", {"id": person["id"]}, token=person["token"])
    return result(reply)


async def gone(env: IsolatedEnv, *posts: str) -> None:
    """Wait until none of *posts* is found."""

    async def look() -> bool:
        replies = [await env.gateway.ask("post.get", {"id": each}) for each in posts]
        return all(not reply["ok"] and refusal(reply) == NOT_FOUND for reply in replies)

    await eventually(look)


async def heard(listener: Listener, kind: str, subject: str) -> dict[str, Any]:
    """Wait for an event of one type about *subject*; return its data."""

    async def look() -> list[dict[str, Any]]:
        return [each["data"] for each in listener.events(kind) if each["subject"] == subject]

    return (await eventually(look))[-1]


async def test_posts_go_with_their_owner_and_come_back_with_the_owner(
    env: IsolatedEnv, listener: Listener, ada: Person
) -> None:
    first, second, third = [await write(env, ada, title=f"Note {each}") for each in "GHI"]
    result(await env.gateway.ask("post.delete", {"id": third}, token=ada["token"]))
    await delete(env, ada)
    await gone(env, first, second)

    for each in (first, second):
        told = await heard(listener, "post.deleted", each)
        assert told == {"id": each, "user_id": ada["id"], "version": 2, "changed": ["status"]}

    said = await profilectl(env, "profile", "restore", ada["id"])

    assert said == f"{ada['id']} is active, version 3."
    assert (await heard(listener, "profile.updated", ada["id"]))["changed"] == ["status"]
    for each in (first, second):
        assert (await heard(listener, "post.updated", each))["version"] == 3
    replies = [await env.gateway.ask("post.get", {"id": each}) for each in (first, second)]
    assert [result(each)["title"] for each in replies] == ["Note G", "Note H"]
    assert refusal(await env.gateway.ask("post.get", {"id": third})) == NOT_FOUND
    # Old sessions are over for good; a new one is opened with the old password.
    reply = await env.gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"])
    assert refusal(reply) == ("unauthenticated", "session_ended")
    token = (await logged_in(env.gateway, ada))["access_token"]
    assert await write(env, {**ada, "token": token})


async def test_who_deletes_a_profile_with_many_posts_does_not_wait_for_them(
    env: IsolatedEnv, database: Database, ada: Person
) -> None:
    user_id = UUID(ada["id"])
    mine = {"user_id": user_id, "status": "active"}
    await store_posts(database, user_id, 3000)
    await delete(env, ada)

    assert await database["posts"].count_documents(mine) > 0

    async def followed() -> bool:
        return await database["posts"].count_documents(mine) == 0

    await eventually(followed, within=30)


@pytest.mark.parametrize("times", [2, *at_length(5)])
async def test_posts_that_are_written_while_their_owner_is_deleted_go_too(
    env: IsolatedEnv, database: Database, times: int
) -> None:
    for _ in range(times):
        person = await signed_up(env.service)
        token = (await logged_in(env.gateway, person))["access_token"]
        asked = a_request("post.create")
        writing = [
            asyncio.create_task(env.gateway.ask("post.create", asked, token=token)) for _ in range(150)
        ]
        await writing[20]
        await delete(env, {**person, "token": token})
        written = outcomes(await asyncio.gather(*writing))
        mine = {"user_id": UUID(person["id"])}

        async def followed(mine: dict[str, Any] = mine) -> bool:
            return await database["posts"].count_documents({**mine, "status": "active"}) == 0

        await eventually(followed)  # all replies are there, so no more posts will be
        assert written.keys() <= {"ok", "session_ended"}
        assert written["ok"] > 20
        assert await database["posts"].count_documents({**mine, "deleted_with_owner": True}) == written["ok"]


async def test_only_what_was_deleted_and_has_its_address_is_restored(env: IsolatedEnv, ada: Person) -> None:
    erased, active = await signed_up(env.service), await signed_up(env.service)
    await profilectl(env, "profile", "erase", "--yes", erased["id"])
    await delete(env, ada)
    heir = await signed_up(env.service, email=ada["email"].upper())

    for profile_id, sentence, code in (
        (ada["id"], "Another profile has this e-mail address.", 1),
        (active["id"], "This profile is not deleted, or has been erased since.", 1),
        (erased["id"], "This profile is not deleted, or has been erased since.", 1),
        (str(uuid4()), "There is no such profile.", 6),
    ):
        said = await profilectl_refuses(env, "profile", "restore", profile_id, code=code)
        assert said == f"Cannot run: {sentence}"
    assert await logged_in(env.gateway, heir)
    assert await profilectl_refuses(env, "profile", "restore", "ada")  # Typer says what it misses


async def test_an_export_holds_everything_but_the_hash(
    env: IsolatedEnv, database: Database, ada: Person
) -> None:
    kept, deleted = await write(env, ada, title="Für Élise"), await write(env, ada)
    result(await env.gateway.ask("post.delete", {"id": deleted}, token=ada["token"]))
    document = await database["profiles"].find_one({"id": UUID(ada["id"])})
    text = await profilectl(env, "profile", "export", ada["id"])
    held = json.loads(text)
    profile = held["profile"]

    assert {each: profile[each] for each in ("id", "first_name", "last_name", "email", "role", "status")} == {
        **{each: ada[each] for each in ("id", "first_name", "last_name", "email")},
        "role": "user",
        "status": "active",
    }
    assert [each["user_id"] for each in held["sessions"]] == [ada["id"]]
    assert {(each["id"], each["status"]) for each in held["posts"]} == {
        (kept, "active"),
        (deleted, "deleted"),
    }
    assert "Für Élise" in text
    assert document
    assert document["hashed_password"] not in text
    assert "$2b$" not in text
    nobody = await profilectl_refuses(env, "profile", "export", str(uuid4()), code=6)
    assert "There is no such profile" in nobody


async def test_nobody_is_erased_by_mistake(env: IsolatedEnv, ada: Person) -> None:
    said = await profilectl_refuses(env, "profile", "erase", ada["id"], code=1)

    assert "Aborted" in said
    assert await logged_in(env.gateway, ada)
    nobody = await profilectl_refuses(env, "profile", "erase", "--yes", str(uuid4()), code=6)
    assert "no such profile" in nobody


async def test_who_was_deleted_longer_ago_than_the_retention_time_is_erased(
    env: IsolatedEnv, database: Database, listener: Listener, ada: Person
) -> None:
    young = await signed_up(env.service)
    token = (await logged_in(env.gateway, young))["access_token"]
    post = await write(env, ada)
    await delete(env, ada)
    await delete(env, {**young, "token": token})
    await gone(env, post)
    for person, days in ((ada, 30), (young, 29)):
        ago = datetime.now(UTC) - timedelta(days=days, minutes=1)
        change = {"$set": {"deleted_at": ago}}
        await database["profiles"].update_one({"id": UUID(person["id"])}, change)

    await erase_expired(env)  # which a worker does every minute

    assert (await heard(listener, "profile.erased", ada["id"]))["version"] == 3

    async def followed() -> bool:
        return await database["posts"].find_one({"id": UUID(post), "title": "", "body": ""}) is not None

    await eventually(followed)
    said = await profilectl(env, "profile", "restore", young["id"])
    assert said == f"{young['id']} is active, version 3."


async def test_posts_that_were_deleted_longer_ago_than_that_are_erased_while_their_owner_lives(
    env: IsolatedEnv, database: Database, ada: Person
) -> None:
    due, young, kept = [await write(env, ada) for _ in range(3)]
    for post, days in ((due, 30), (young, 29)):
        result(await env.gateway.ask("post.delete", {"id": post}, token=ada["token"]))
        ago = datetime.now(UTC) - timedelta(days=days, minutes=1)
        await database["posts"].update_one({"id": UUID(post)}, {"$set": {"deleted_at": ago}})

    await erase_expired(env)

    stored = [await database["posts"].find_one({"id": UUID(each)}) for each in (due, young, kept)]
    assert [each and (each["status"], bool(each["title"])) for each in stored] == [
        ("erased", False),
        ("deleted", True),
        ("active", True),
    ]


async def test_an_operator_brings_a_post_back_and_erases_it(env: IsolatedEnv, ada: Person) -> None:
    post = await write(env, ada, title="Für Élise")
    result(await env.gateway.ask("post.delete", {"id": post}, token=ada["token"]))
    restored = await profilectl(env, "post", "restore", post)
    read = result(await env.gateway.ask("post.get", {"id": post}))
    again = await profilectl_refuses(env, "post", "restore", post, code=1)
    erased = await profilectl(env, "post", "erase", "--yes", "--json", post)

    assert restored.splitlines()[-1] == f"{post} is active, version 3."
    assert read["title"] == "Für Élise"
    assert "This post is not deleted, or has been erased since." in again
    assert json.loads(erased.splitlines()[-1]) == {"id": post, "status": "erased", "version": 4}
    assert refusal(await env.gateway.ask("post.get", {"id": post})) == ("not_found", "post_not_found")
    nothing = await profilectl_refuses(env, "post", "erase", "--yes", str(uuid4()), code=6)
    assert "There is no such post." in nothing


async def erase_expired(env: IsolatedEnv) -> None:
    """Erase those who are due, as a worker does it that is set up with the usual retention time."""
    urls = {"rabbitmq_url": env.sandbox.service_url, "mongo_url": env.sandbox.mongo_url}
    settings = Settings.model_validate({**urls, "redis_url": env.sandbox.redis_url, "bcrypt_cost": 10})
    async with Resources.opened(settings) as resources:
        await AdminUseCases(settings, resources).erase_expired.handle()


@pytest_asyncio.fixture(scope="module")
async def erased(
    env: IsolatedEnv, database: Database, listener: Listener
) -> AsyncIterator[tuple[Canary, dict[str, Any]]]:
    """A user who was here, did all there is to do, was erased, and whose posts have followed."""
    bird = a_canary()
    async with every_event_kept(env.sandbox, KEPT):
        await use_as_meant(env.gateway, bird)
        email = f"new.{bird.email}"
        profile = await database["profiles"].find_one({"email": email})
        assert profile
        person = {"id": str(profile["id"]), "email": email, "password": bird.secret}
        token = (await logged_in(env.gateway, person))["access_token"]
        own = {**person, "token": token}
        gone_before = await write(env, own, title=bird.name, body=bird.email)
        await write(env, own, title=bird.name, body=bird.email)
        await env.gateway.ask("post.delete", {"id": gone_before}, token=token)
        own_login = {"email": email, "password": bird.secret}
        result(await env.service.ask("auth.login", own_login, headers={"x-user-agent": bird.name}))
        before = await in_mongodb(database)
        assert all(bird.in_(before[name]) for name in ("profiles", "posts", "sessions"))
        await env.gateway.tell("profile.update", {"id": person["id"], "first_name": [bird.name]})
        said = await profilectl(env, "profile", "erase", "--yes", person["id"])
        assert said == f"{person['id']} is erased, version {profile['version'] + 1}."
        await heard(listener, "profile.erased", person["id"])

        async def followed() -> bool:
            mine = {
                "user_id": profile["id"],
                "$or": [{"status": {"$ne": "erased"}}, {"outbox.0": {"$exists": 1}}],
            }
            return await database["posts"].find_one(mine) is None

        await eventually(followed)
        yield bird, own


Erased = tuple[Canary, dict[str, Any]]


async def test_the_erased_are_in_no_document(erased: Erased, database: Database) -> None:
    bird, person = erased
    dump = await in_mongodb(database)

    assert {"profiles", "posts", "sessions"} <= dump.keys()
    assert [name for name, text in dump.items() if bird.in_(text)] == []
    assert person["id"] in dump["profiles"]  # what is left of them
    assert await database["sessions"].find_one({"user_id": UUID(person["id"])}) is None


async def test_the_erased_are_in_no_key_of_redis(erased: Erased, env: IsolatedEnv) -> None:
    bird, _ = erased
    dump = await asyncio.to_thread(in_redis, env.sandbox)

    assert len(dump) > 1  # sessions that have ended, counters of wrong passwords
    assert [key for key, text in dump.items() if bird.in_(text)] == []


async def test_the_erased_are_in_no_message(erased: Erased, administrator: Broker) -> None:
    bird, person = erased
    dump = await in_queues(administrator)

    assert any(person["id"] in each and "profile.erased" in each for each in dump[KEPT])
    assert any(dump[name] for name in dump if name.endswith(".dlq"))
    assert [(name, each) for name, messages in dump.items() for each in messages if bird.in_(each)] == []


async def test_the_erased_do_not_log_in_and_others_may_have_their_address(
    erased: Erased, env: IsolatedEnv, listener: Listener
) -> None:
    bird, person = erased

    assert refusal(await guess(env.gateway, person["email"], bird.secret))[0] == "unauthenticated"
    reply = await env.gateway.ask("profile.get", {"id": person["id"]}, token=person["token"])
    assert refusal(reply) == ("unauthenticated", "session_ended")
    assert (await listener.revocation(person["id"], "deleted"))["session_ids"] == []
    heir = await signed_up(env.service, email=person["email"])
    assert await logged_in(env.gateway, heir)
    assert heir["id"] != person["id"]
