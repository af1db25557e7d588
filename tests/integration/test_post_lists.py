"""`post.list`: 10,000 posts of one user are met exactly once while others are being added."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from bson import ObjectId

from service.app.ids import new_id
from service.infrastructure.rabbitmq.topology import MAX_MESSAGE_BYTES
from service.pkg.database import close_mongo, default_database, open_mongo
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal, result
from tools.servers.sandbox import Sandbox

MANY = 10_000
POST = {"id", "oid", "user_id", "title", "body", "status", "created_at", "updated_at", "version"}


def document(user_id: UUID, made: datetime) -> dict[str, Any]:
    """Return a post as the database holds it."""
    return {
        "_id": ObjectId(),
        "id": new_id(made),
        "user_id": user_id,
        "title": "Note",
        "body": "It weaves.",
        "status": "active",
        "created_at": made,
        "updated_at": made,
        "deleted_at": None,
        "deleted_with_owner": False,
        "version": 1,
        "outbox": [],
    }


@pytest_asyncio.fixture(scope="module")
async def author(sandbox: Sandbox, ada_of_many: Person) -> AsyncIterator[tuple[Person, set[str]]]:
    """A user with 10,000 posts, put into the database, and their ids."""
    client = open_mongo(sandbox.mongo_url)
    now = datetime.now(UTC).replace(microsecond=0)
    documents = [
        document(UUID(ada_of_many["id"]), now - timedelta(seconds=MANY - each)) for each in range(MANY)
    ]
    await default_database(client)["posts"].insert_many(documents)
    yield ada_of_many, {str(each["id"]) for each in documents}
    await close_mongo(client)


@pytest_asyncio.fixture(scope="module")
async def ada_of_many(sign_up: Any) -> Person:
    """The user."""
    person: Person = await sign_up()
    return person


async def every_page(gateway: Gateway, **body: Any) -> list[list[dict[str, Any]]]:
    """Return all pages, each of which has to be what the contract says."""
    pages: list[list[dict[str, Any]]] = []
    more: dict[str, Any] = {}
    while True:
        page = result(await gateway.ask("post.list", {**body, **more}))
        assert page.keys() == {"items", "next_cursor"}
        assert all(each.keys() == POST for each in page["items"])
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        more = {"cursor": page["next_cursor"]}


@pytest.mark.at_length
async def test_each_of_10_000_posts_is_met_once_while_others_are_written(
    gateway: Gateway, author: tuple[Person, set[str]]
) -> None:
    (person, there), done = author, asyncio.Event()

    async def write() -> int:
        count = 0
        while not done.is_set():
            body = {"title": f"Later {count}", "body": "Written meanwhile."}
            result(await gateway.ask("post.create", body, token=person["token"]))
            count += 1
        return count

    writing = asyncio.create_task(write())
    pages = await every_page(gateway, user_id=person["id"], limit=100)
    done.set()
    written = await writing
    met = [each["id"] for page in pages for each in page]

    assert written > 0
    assert {len(page) for page in pages[:-1]} == {100}
    assert len(met) == len(set(met))
    assert there <= set(met)
    assert met == sorted(met, reverse=True)
    assert {each["user_id"] for page in pages for each in page} == {person["id"]}


async def test_pages_of_long_posts_are_no_larger_than_a_broker_takes(
    gateway: Gateway, sandbox: Sandbox, ada: Person
) -> None:
    """As long as they come, and twice as long in JSON."""
    client, now = open_mongo(sandbox.mongo_url), datetime.now(UTC).replace(microsecond=0)
    bodies = ['"' * 20_000, "\n" * 20_000, "\U0001f40e" * 20_000, "\u5b57" * 20_000] * 15
    documents = [
        document(UUID(ada["id"]), now - timedelta(seconds=number)) | {"body": body, "title": "\\" * 200}
        for number, body in enumerate(bodies)
    ]
    await default_database(client)["posts"].insert_many(documents)
    await close_mongo(client)
    met: list[str] = []
    asked = {"user_id": ada["id"], "limit": 100}
    while True:
        reply = await gateway.ask_raw("post.list", asked)
        page = json.loads(reply.body)["result"]
        met += [each["id"] for each in page["items"]]
        assert len(reply.body) < MAX_MESSAGE_BYTES
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]

    assert met == [str(each["id"]) for each in documents]


async def test_a_deleted_post_is_in_no_list(gateway: Gateway, ada: Person) -> None:
    body = {"title": "Note", "body": "It weaves."}
    first, second = [
        result(await gateway.ask("post.create", body, token=ada["token"]))["id"] for _ in range(2)
    ]
    result(await gateway.ask("post.delete", {"id": first}, token=ada["token"]))
    ((only,),) = await every_page(gateway, user_id=ada["id"])
    newest = result(await gateway.ask("post.list", {"limit": 100}))["items"]

    assert only["id"] == second
    assert first not in {each["id"] for each in newest}


async def test_nobody_has_no_posts(gateway: Gateway) -> None:
    assert await every_page(gateway, user_id=str(uuid4())) == [[]]


async def test_a_cursor_is_good_for_its_own_list_only(
    gateway: Gateway, author: tuple[Person, set[str]], bob: Person
) -> None:
    mine = {"user_id": author[0]["id"], "limit": 2}
    cursor = result(await gateway.ask("post.list", mine))["next_cursor"]
    flipped = ("A" if cursor[9] != "A" else "B").join((cursor[:9], cursor[10:]))
    refused = (
        {"user_id": bob["id"], "cursor": cursor},
        {"cursor": cursor},
        {**mine, "cursor": flipped},
        {**mine, "cursor": cursor[:-1]},
        {**mine, "cursor": "none"},
        {**mine, "cursor": str(uuid4())},
    )

    assert result(await gateway.ask("post.list", {**mine, "limit": 3, "cursor": cursor}))["items"]
    for body in refused:
        assert refusal(await gateway.ask("post.list", body)) == ("invalid", "cursor_invalid")
