"""`post.create`, `post.get`, `post.update` and `post.delete`: words, whose they are, and what others hear."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.broker import Broker
from tests.integration.conftest import Person, SignUp
from tests.integration.dead_lettering import is_malformed
from tests.integration.gateway import Gateway, eventually
from tests.integration.identity.events import ENVELOPE, Listener, listening
from tests.integration.replies import DELETED, OBJECT_ID, POST, UUID7, moment, refusal, result
from tests.integration.requests import a_request
from tools.servers.sandbox import Sandbox

KIB_64 = 64 * 1024
SMILE = "\U0001f600"  # four bytes of UTF-8
Post = dict[str, Any]


@pytest_asyncio.fixture
async def post(gateway: Gateway, ada: Person) -> Post:
    """A post of Ada's."""
    return result(await gateway.ask("post.create", a_request("post.create"), token=ada["token"]))


@pytest_asyncio.fixture(scope="module")
async def listener(sandbox: Sandbox) -> AsyncIterator[Listener]:
    """Hears the events of the worker."""
    async with listening(sandbox.admin_url) as hearing:
        yield hearing


def written(body: dict[str, Any]) -> bytes:
    """Return *body* with each character as it is, and not as an escape sequence."""
    return json.dumps(body, ensure_ascii=False).encode()


async def test_a_new_post_has_the_fields_and_formats_of_the_contract(gateway: Gateway, ada: Person) -> None:
    asked = a_request("post.create")
    post = result(await gateway.ask("post.create", asked, token=ada["token"]))

    assert post.keys() == POST
    assert UUID7.fullmatch(post["id"])
    assert OBJECT_ID.fullmatch(post["oid"])
    assert moment(post["created_at"]) == moment(post["updated_at"])
    assert abs(datetime.now(UTC) - moment(post["created_at"])) < timedelta(minutes=1)
    assert {name: post[name] for name in asked} == asked
    assert (post["user_id"], post["status"], post["version"]) == (ada["id"], "active", 1)


async def test_a_service_does_not_write_even_with_a_users_id(
    gateway: Gateway, service: Gateway, ada: Person
) -> None:
    for asking in (gateway, service):
        reply = await asking.ask("post.create", a_request("post.create"))

        assert refusal(reply) == ("unauthenticated", "missing_token")

    owned = a_request("post.create", user_id=ada["id"])
    reply = await gateway.ask("post.create", owned, token=ada["token"])

    assert refusal(reply) == ("invalid", "malformed_request")
    assert reply["error"]["details"] == [{"field": "user_id", "reason": "unknown_field"}]


async def test_everybody_reads_a_post_whatever_the_token(
    gateway: Gateway, service: Gateway, bob: Person, admin: Person, post: Post
) -> None:
    for token in (None, "dead", bob["token"], admin["token"]):
        assert result(await gateway.ask("post.get", {"id": post["id"]}, token=token)) == post
    assert result(await service.ask("post.get", {"id": post["id"]}, user_id=None)) == post
    assert result(await gateway.ask("post.get", {"id": post["id"].upper()})) == post


async def test_words_are_trimmed_and_composed_and_keep_their_lines(gateway: Gateway, ada: Person) -> None:
    asked = {"title": "\u00a0Ame\u0301lie \n", "body": "\n One\r\n\tTwo\n\nA\u030a \u2028 "}
    post = result(await gateway.ask("post.create", asked, token=ada["token"]))

    assert (post["title"], post["body"]) == ("Am\u00e9lie", "One\n\tTwo\n\n\u00c5")
    assert result(await gateway.ask("post.get", {"id": post["id"]})) == post


@pytest.mark.parametrize("operation", ["post.create", "post.update"])
async def test_titles_have_1_to_200_and_bodies_1_to_20000_characters(
    gateway: Gateway, broker: Broker, ada: Person, post: Post, operation: str
) -> None:
    def asked(**words: str) -> bytes:
        return written(
            {**({"id": post["id"]} if operation == "post.update" else a_request(operation)), **words}
        )

    for name, most in (("title", 200), ("body", 20_000)):
        for word in ("x", "x" * most, "\u20ac" * most, " " + "e\u0301" * most + "\n"):
            kept = result(await gateway.ask(operation, asked(**{name: word}), token=ada["token"]))

            assert kept[name] == word.strip().replace("e\u0301", "\u00e9")

        for word, reason in (("", "too_short"), (" \r\n", "too_short"), ("x" * (most + 1), "too_long")):
            error = await is_malformed(gateway, broker, operation, asked(**{name: word}), "malformed_request")

            assert error["details"] == [{"field": name, "reason": reason}]


@pytest.mark.parametrize("operation", ["post.create", "post.update"])
async def test_no_control_character_gets_in_but_line_feeds_and_tabs(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    refused = {"title": "\0\t\n\r\x1b\x7f\x85\x9f", "body": "\0\x08\x0b\r\x1b\x7f\x85\x9f"}
    for name, characters in refused.items():
        for character in characters:
            body = a_request(operation, **{name: f"Note{character}G"})
            error = await is_malformed(gateway, broker, operation, body, "malformed_request")

            assert error["details"] == [{"field": name, "reason": "not_allowed"}]


@pytest.mark.parametrize("name", ["title", "body"])
@pytest.mark.parametrize("half", [r"\ud83d", r"Note \ude00 G", r"\ude00\ud83d"])
async def test_half_a_character_is_no_json(gateway: Gateway, broker: Broker, name: str, half: str) -> None:
    body = json.dumps(a_request("post.create", **{name: "?"})).replace('"?"', f'"{half}"').encode()

    await is_malformed(gateway, broker, "post.create", body, "malformed_json")


async def test_the_size_of_a_request_is_the_line_for_characters_of_four_bytes(
    gateway: Gateway, broker: Broker, ada: Person
) -> None:
    """20000 characters of up to three bytes fit into 64 KiB, and of four bytes 16 thousand and some."""
    around = len(written({"title": "Smiles", "body": ""}))
    most = (KIB_64 - around) // 4

    def smiles(count: int) -> bytes:
        return written({"title": "Smiles", "body": SMILE * count})

    post = result(await gateway.ask("post.create", smiles(most), token=ada["token"]))

    assert (len(post["body"]), len(smiles(most)) <= KIB_64) == (most, True)
    assert most > 16_000
    for count in (most + 1, 20_000):
        await is_malformed(gateway, broker, "post.create", smiles(count), "message_too_large")
    # Written as escape sequences they take three times the room.
    await is_malformed(
        gateway, broker, "post.create", a_request("post.create", body=SMILE * most), "message_too_large"
    )


async def test_an_update_changes_what_it_names_and_nothing_else(
    gateway: Gateway, ada: Person, post: Post
) -> None:
    for version, change in ((2, {"title": " Note H "}), (3, {"body": "It thinks."})):
        before = result(await gateway.ask("post.get", {"id": post["id"]}))
        after = result(await gateway.ask("post.update", {"id": post["id"], **change}, token=ada["token"]))
        ((name, value),) = change.items()

        assert after == {
            **before,
            name: value.strip(),
            "version": version,
            "updated_at": after["updated_at"],
        }
        assert moment(after["updated_at"]) > moment(before["updated_at"])
        assert after == result(await gateway.ask("post.get", {"id": post["id"]}))


async def test_an_update_to_what_is_there_already_is_no_change(
    gateway: Gateway, ada: Person, post: Post
) -> None:
    same = {"id": post["id"], "title": f" {post['title']}", "body": f"{post['body']}\n"}

    assert result(await gateway.ask("post.update", same, token=ada["token"])) == post


@pytest.mark.parametrize("more", [{}, {"expected_version": 1}, {"expected_version": 9}])
async def test_an_update_that_names_no_field_is_invalid(
    gateway: Gateway, ada: Person, post: Post, more: dict[str, int]
) -> None:
    reply = await gateway.ask("post.update", {"id": post["id"], **more}, token=ada["token"])

    assert refusal(reply) == ("invalid", "nothing_to_change")


async def test_only_the_version_that_is_there_can_be_expected(
    gateway: Gateway, ada: Person, post: Post
) -> None:
    change = {"id": post["id"], "expected_version": 1, "title": "Note H"}

    assert result(await gateway.ask("post.update", change, token=ada["token"]))["version"] == 2

    for version in (1, 3):
        for queue, body in (
            ("post.update", {**change, "expected_version": version, "title": "Note I"}),
            ("post.delete", {"id": post["id"], "expected_version": version}),
        ):
            reply = await gateway.ask(queue, body, token=ada["token"])

            assert refusal(reply) == ("conflict", "stale_version")
            assert reply["error"]["details"] == [{"field": "expected_version", "reason": "stale_version"}]

    last = {"id": post["id"], "expected_version": 2}

    assert result(await gateway.ask("post.delete", last, token=ada["token"]))["status"] == "deleted"


async def test_nobody_else_changes_or_deletes_a_post(
    gateway: Gateway, service: Gateway, bob: Person, post: Post
) -> None:
    for queue, more in (
        ("post.update", {"title": "Mine"}),
        ("post.update", {}),
        ("post.update", {"title": "Mine", "expected_version": 99}),
        ("post.delete", {}),
        ("post.delete", {"expected_version": 99}),
    ):
        body = {"id": post["id"], **more}
        for asking in (gateway, service):
            by_bob = await asking.ask(queue, body, token=bob["token"])
            by_nobody = await asking.ask(queue, body)
            by_the_dead = await asking.ask(queue, body, token="dead")

            assert refusal(by_bob) == ("forbidden", "not_allowed")
            assert refusal(by_nobody) == ("unauthenticated", "missing_token")
            assert refusal(by_the_dead) == ("unauthenticated", "token_invalid")

    assert result(await gateway.ask("post.get", {"id": post["id"]})) == post


async def test_an_administrator_changes_and_deletes_and_it_stays_the_owners(
    gateway: Gateway, ada: Person, admin: Person, post: Post
) -> None:
    change = {"id": post["id"], "body": "[removed]"}
    changed = result(await gateway.ask("post.update", change, token=admin["token"]))
    deleted = result(await gateway.ask("post.delete", {"id": post["id"]}, token=admin["token"]))

    assert (changed["body"], changed["user_id"], changed["version"]) == ("[removed]", ada["id"], 2)
    assert (deleted["id"], deleted["status"]) == (post["id"], "deleted")


async def test_a_post_that_is_gone_or_never_was_is_not_found_by_anybody(
    gateway: Gateway, ada: Person, bob: Person, admin: Person, post: Post
) -> None:
    deleted = result(await gateway.ask("post.delete", {"id": post["id"]}, token=ada["token"]))

    assert deleted.keys() == DELETED
    assert (deleted["id"], deleted["status"]) == (post["id"], "deleted")
    assert moment(post["updated_at"]) <= moment(deleted["deleted_at"]) <= datetime.now(UTC)

    # Gone, never there, and a profile.
    for no_post in (post["id"], str(uuid4()), ada["id"]):
        for queue, more in (
            ("post.get", {}),
            ("post.update", {"title": "Note H"}),
            ("post.delete", {}),
            ("post.delete", {"expected_version": 1}),
        ):
            for person in (ada, bob, admin):
                reply = await gateway.ask(queue, {"id": no_post, **more}, token=person["token"])

                assert refusal(reply) == ("not_found", "post_not_found")
                assert reply["error"]["details"] == [{"field": "id", "reason": "post_not_found"}]

    anonymous = await gateway.ask("post.get", {"id": post["id"]})

    assert refusal(anonymous) == ("not_found", "post_not_found")
    as_a_profile = await gateway.ask("profile.get", {"id": post["id"]}, token=admin["token"])
    assert refusal(as_a_profile) == ("not_found", "profile_not_found")


@pytest.mark.parametrize("queue", ["post.get", "post.update", "post.delete"])
async def test_the_name_in_the_database_is_no_id(
    gateway: Gateway, broker: Broker, post: Post, queue: str
) -> None:
    error = await is_malformed(gateway, broker, queue, a_request(queue, id=post["oid"]), "malformed_request")

    assert error["details"] == [{"field": "id", "reason": "not_a_uuid"}]


async def test_who_was_deleted_or_suspended_does_not_write(
    gateway: Gateway, admin: Person, sign_up: SignUp
) -> None:
    gone, suspended = await sign_up(), await sign_up()
    suspend = {"id": suspended["id"], "status": "suspended"}
    result(await gateway.ask("profile.update", suspend, token=admin["token"]))
    result(await gateway.ask("profile.delete", {"id": gone["id"]}, token=gone["token"]))

    for person in (gone, suspended):
        reply = await gateway.ask("post.create", a_request("post.create"), token=person["token"])

        assert refusal(reply) == ("unauthenticated", "session_ended")


async def test_the_world_hears_of_a_post_in_order_and_none_of_its_words(
    gateway: Gateway, listener: Listener, ada: Person
) -> None:
    canary = f"canary-{uuid4().hex}"
    asked = {"title": canary, "body": f"{canary}\n"}
    post = result(await gateway.ask("post.create", asked, token=ada["token"]))
    own = {"id": post["id"]}
    for queue, body in (
        ("post.update", {**own, "title": f"{canary}!"}),
        ("post.update", {**own, "title": f"{canary}!"}),  # no change, so nothing to tell
        ("post.update", {**own, "title": canary, "body": f"{canary}!"}),
        ("post.delete", own),
    ):
        result(await gateway.ask(queue, body, token=ada["token"]))

    async def heard() -> list[dict[str, Any]]:
        told = [json.loads(each.body) for each in listener.messages]
        about = [each for each in told if each["subject"] == post["id"]]
        return about if about and about[-1]["type"] == "post.deleted" else []

    events = await eventually(heard)
    names = {"id": post["id"], "user_id": ada["id"]}

    assert [(each["type"], each["data"]) for each in events] == [
        ("post.created", {**names, "version": 1, "changed": []}),
        ("post.updated", {**names, "version": 2, "changed": ["title"]}),
        ("post.updated", {**names, "version": 3, "changed": ["body", "title"]}),
        ("post.deleted", {**names, "version": 4, "changed": ["status"]}),
    ]
    assert all(each.keys() == ENVELOPE for each in events)
    assert len({each["id"] for each in events}) == 4
    assert not any(canary in each.body.decode() for each in listener.messages)


async def test_fifty_writers_without_a_version_leave_no_gap(
    gateway: Gateway, ada: Person, post: Post
) -> None:
    changes = ({"id": post["id"], "title": f"Note {number}"} for number in range(50))
    replies = await asyncio.gather(
        *(gateway.ask("post.update", each, token=ada["token"]) for each in changes)
    )
    versions = sorted(reply["result"]["version"] for reply in replies if reply["ok"])

    assert {reply["error"]["reason"] for reply in replies if not reply["ok"]} <= {"too_many_writers"}
    assert versions == list(range(2, 2 + len(versions)))
    assert result(await gateway.ask("post.get", {"id": post["id"]}))["version"] == versions[-1]


async def test_one_of_twenty_deletes_a_post(gateway: Gateway, ada: Person, post: Post) -> None:
    replies = await asyncio.gather(
        *(gateway.ask("post.delete", {"id": post["id"]}, token=ada["token"]) for _ in range(20))
    )
    outcomes = Counter("ok" if reply["ok"] else reply["error"]["reason"] for reply in replies)

    assert outcomes == {"ok": 1, "post_not_found": 19}
