from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.unit.inputports.desk import Desk

WRITTEN = {"title": " Note G\n", "body": "It weaves\r\nalgebraic\tpatterns. "}
NOON = "2026-11-22T12:00:00.000Z"


@pytest_asyncio.fixture
async def ada(desk: Desk) -> str:
    """The token of a user."""
    await desk.sign_up("ada@example.org")
    return await desk.token("ada@example.org")


@pytest_asyncio.fixture
async def bob(desk: Desk) -> str:
    """The token of another."""
    await desk.sign_up("bob@example.org")
    return await desk.token("bob@example.org")


@pytest_asyncio.fixture
async def post(desk: Desk, ada: str) -> dict[str, Any]:
    """A post of hers."""
    written: dict[str, Any] = (await desk.ask("post.create", WRITTEN, ada))["result"]
    return written


async def test_a_new_post_is_answered_in_full(desk: Desk) -> None:
    ada = await desk.sign_up("ada@example.org")
    post = (await desk.ask("post.create", WRITTEN, await desk.token("ada@example.org")))["result"]

    assert {name: value for name, value in post.items() if name not in {"id", "oid"}} == {
        "user_id": ada["id"],
        "title": "Note G",
        "body": "It weaves\nalgebraic\tpatterns.",
        "status": "active",
        "created_at": NOON,
        "updated_at": NOON,
        "version": 1,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "},
        {"title": "x" * 201},
        {"title": "a\nb"},
        {"body": "\n"},
        {"body": "x" * 20_001},
        {"body": "a\0b"},
        {"body": None},
        {"user_id": str(uuid4())},
        {"status": "active"},
    ],
)
async def test_a_post_is_refused_with_a_reason_of_the_contract(
    desk: Desk, ada: str, changes: dict[str, Any]
) -> None:
    assert await desk.refusal("post.create", WRITTEN | changes, ada) == ("invalid", "malformed_request")


async def test_posts_are_written_by_users_only(desk: Desk) -> None:
    by_service = await desk.ask("post.create", WRITTEN, user_id="cms")

    assert await desk.refusal("post.create", WRITTEN) == ("unauthenticated", "missing_token")
    assert await desk.refusal("post.create", WRITTEN, "dead") == ("unauthenticated", "token_invalid")
    assert by_service["error"]["reason"] == "not_allowed"


async def test_everybody_reads_a_post_whatever_the_token(
    desk: Desk, ada: str, bob: str, post: dict[str, Any]
) -> None:
    get = {"id": post["id"]}

    for token in (None, "dead", ada, bob, await desk.admin()):
        assert (await desk.ask("post.get", get, token))["result"] == post
    assert (await desk.ask("post.get", get, user_id="cms"))["result"] == post


async def test_an_update_changes_what_it_names_and_nothing_else(
    desk: Desk, ada: str, post: dict[str, Any]
) -> None:
    desk.clock.advance(minutes=1)
    reply = await desk.ask("post.update", {"id": post["id"], "title": "Note H", "expected_version": 1}, ada)

    assert reply["result"] == post | {
        "title": "Note H",
        "updated_at": "2026-11-22T12:01:00.000Z",
        "version": 2,
    }


async def test_an_administrator_changes_and_deletes_it(desk: Desk, post: dict[str, Any]) -> None:
    boss = await desk.admin()
    changed = await desk.ask("post.update", {"id": post["id"], "body": "[removed]"}, boss)
    deleted = await desk.ask("post.delete", {"id": post["id"]}, boss)

    assert (changed["result"]["body"], changed["result"]["user_id"]) == ("[removed]", post["user_id"])
    assert deleted["result"]["status"] == "deleted"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, ("invalid", "nothing_to_change")),
        ({"expected_version": 2}, ("invalid", "nothing_to_change")),
        ({"title": "A", "expected_version": 2}, ("conflict", "stale_version")),
        ({"title": None}, ("invalid", "malformed_request")),
        ({"body": ""}, ("invalid", "malformed_request")),
        ({"user_id": str(uuid4())}, ("invalid", "malformed_request")),
    ],
)
async def test_an_update_is_refused_with_a_reason_of_the_contract(
    desk: Desk, ada: str, post: dict[str, Any], changes: dict[str, Any], refusal: tuple[str, str]
) -> None:
    assert await desk.refusal("post.update", {"id": post["id"]} | changes, ada) == refusal
    assert (await desk.ask("post.get", {"id": post["id"]}))["result"] == post


@pytest.mark.parametrize(("queue", "more"), [("post.update", {"title": "A"}), ("post.delete", {})])
async def test_nobody_else_changes_or_deletes_it(
    desk: Desk, bob: str, post: dict[str, Any], queue: str, more: dict[str, Any]
) -> None:
    body = {"id": post["id"], "expected_version": 99} | more
    by_service = await desk.ask(queue, body, user_id="cms")

    assert await desk.refusal(queue, body, bob) == ("forbidden", "not_allowed")
    assert by_service["error"]["reason"] == "not_allowed"
    assert await desk.refusal(queue, body) == ("unauthenticated", "missing_token")
    assert await desk.refusal(queue, body, "dead") == ("unauthenticated", "token_invalid")
    assert await desk.refusal(queue, body | {"id": str(uuid4())}) == ("unauthenticated", "missing_token")


async def test_a_deleted_post_is_gone(desk: Desk, ada: str, bob: str, post: dict[str, Any]) -> None:
    desk.clock.advance(minutes=1)
    deleted = await desk.ask("post.delete", {"id": post["id"], "expected_version": 1}, ada)

    assert deleted["result"] == {
        "id": post["id"],
        "status": "deleted",
        "deleted_at": "2026-11-22T12:01:00.000Z",
    }
    for token in (ada, bob, await desk.admin()):
        for queue in ("post.get", "post.delete", "post.update"):
            for post_id in (post["id"], str(uuid4()), post["user_id"]):
                assert await desk.refusal(queue, {"id": post_id}, token) == ("not_found", "post_not_found")
