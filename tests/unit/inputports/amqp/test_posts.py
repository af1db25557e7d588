from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.unit.inputports.amqp.messaging_harness import MessagingHarness

WRITTEN = {"title": " Note G\n", "body": "It weaves\r\nalgebraic\tpatterns. "}
NOON = "2026-11-22T12:00:00.000Z"


@pytest_asyncio.fixture
async def ada(harness: MessagingHarness) -> str:
    """The token of a user."""
    await harness.sign_up("ada@example.org")
    return await harness.token("ada@example.org")


@pytest_asyncio.fixture
async def bob(harness: MessagingHarness) -> str:
    """The token of another."""
    await harness.sign_up("bob@example.org")
    return await harness.token("bob@example.org")


@pytest_asyncio.fixture
async def post(harness: MessagingHarness, ada: str) -> dict[str, Any]:
    """A post of hers."""
    written: dict[str, Any] = (await harness.ask("post.create", WRITTEN, ada))["result"]
    return written


async def test_a_new_post_is_answered_in_full(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    post = (await harness.ask("post.create", WRITTEN, await harness.token("ada@example.org")))["result"]

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
    harness: MessagingHarness, ada: str, changes: dict[str, Any]
) -> None:
    assert await harness.refusal("post.create", WRITTEN | changes, ada) == ("invalid", "malformed_request")


async def test_posts_are_written_by_users_only(harness: MessagingHarness) -> None:
    by_service = await harness.ask("post.create", WRITTEN, user_id="cms")

    assert await harness.refusal("post.create", WRITTEN) == ("unauthenticated", "missing_token")
    assert await harness.refusal("post.create", WRITTEN, "dead") == ("unauthenticated", "token_invalid")
    assert by_service["error"]["reason"] == "not_allowed"


async def test_everybody_reads_a_post_whatever_the_token(
    harness: MessagingHarness, ada: str, bob: str, post: dict[str, Any]
) -> None:
    get = {"id": post["id"]}

    for token in (None, "dead", ada, bob, await harness.admin()):
        assert (await harness.ask("post.get", get, token))["result"] == post
    assert (await harness.ask("post.get", get, user_id="cms"))["result"] == post


async def test_an_update_changes_what_it_names_and_nothing_else(
    harness: MessagingHarness, ada: str, post: dict[str, Any]
) -> None:
    harness.clock.advance(minutes=1)
    reply = await harness.ask(
        "post.update", {"id": post["id"], "title": "Note H", "expected_version": 1}, ada
    )

    assert reply["result"] == post | {
        "title": "Note H",
        "updated_at": "2026-11-22T12:01:00.000Z",
        "version": 2,
    }


async def test_an_administrator_changes_and_deletes_it(
    harness: MessagingHarness, post: dict[str, Any]
) -> None:
    boss = await harness.admin()
    changed = await harness.ask("post.update", {"id": post["id"], "body": "[removed]"}, boss)
    deleted = await harness.ask("post.delete", {"id": post["id"]}, boss)

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
    harness: MessagingHarness,
    ada: str,
    post: dict[str, Any],
    changes: dict[str, Any],
    refusal: tuple[str, str],
) -> None:
    assert await harness.refusal("post.update", {"id": post["id"]} | changes, ada) == refusal
    assert (await harness.ask("post.get", {"id": post["id"]}))["result"] == post


@pytest.mark.parametrize(("queue", "more"), [("post.update", {"title": "A"}), ("post.delete", {})])
async def test_nobody_else_changes_or_deletes_it(
    harness: MessagingHarness, bob: str, post: dict[str, Any], queue: str, more: dict[str, Any]
) -> None:
    body = {"id": post["id"], "expected_version": 99} | more
    by_service = await harness.ask(queue, body, user_id="cms")

    assert await harness.refusal(queue, body, bob) == ("forbidden", "not_allowed")
    assert by_service["error"]["reason"] == "not_allowed"
    assert await harness.refusal(queue, body) == ("unauthenticated", "missing_token")
    assert await harness.refusal(queue, body, "dead") == ("unauthenticated", "token_invalid")
    assert await harness.refusal(queue, body | {"id": str(uuid4())}) == ("unauthenticated", "missing_token")


async def test_a_deleted_post_is_gone(
    harness: MessagingHarness, ada: str, bob: str, post: dict[str, Any]
) -> None:
    harness.clock.advance(minutes=1)
    deleted = await harness.ask("post.delete", {"id": post["id"], "expected_version": 1}, ada)

    assert deleted["result"] == {
        "id": post["id"],
        "status": "deleted",
        "deleted_at": "2026-11-22T12:01:00.000Z",
    }
    for token in (ada, bob, await harness.admin()):
        for queue in ("post.get", "post.delete", "post.update"):
            for post_id in (post["id"], str(uuid4()), post["user_id"]):
                assert await harness.refusal(queue, {"id": post_id}, token) == ("not_found", "post_not_found")
