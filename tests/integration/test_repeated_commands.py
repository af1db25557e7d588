"""Commands that are delivered twice, and in reverse order: each has its effect once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from pymongo import MongoClient

from profile_contracts.operations import OPERATIONS, Kind
from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.people import NEW_PASSWORD, alive, logged_in
from tests.integration.replies import refusal, result
from tests.integration.requests import a_request
from tools.servers.sandbox import Sandbox

Body = dict[str, Any]
# Sessions have ways of their own: see `SESSIONS_THEN`.
OF_SESSIONS = {each.queue for each in OPERATIONS if each.queue.startswith("auth.")}
# Sent again by tests of their own in `identity`: `test_looking_after_users.py` and those named as they are.
ELSEWHERE = {
    *("profile.restore", "profile.erase", "auth.unlock", "auth.reset_password", "auth.verify_email"),
    *("auth.totp_confirm", "auth.totp_remove"),
}
COMMANDS = [
    each.queue
    for each in OPERATIONS
    if each.kind is Kind.COMMAND and each.queue not in OF_SESSIONS | ELSEWHERE
]


@pytest_asyncio.fixture
async def written(gateway: Gateway, ada: Person) -> Body:
    """A post of hers."""
    post: Body = result(
        await gateway.ask("post.create", {"title": "G", "body": "It weaves."}, token=ada["token"])
    )
    return post


@pytest.fixture
def bodies(ada: Person, written: Body) -> dict[str, tuple[Body, Body]]:
    """By command: a request, and another one for the same thing."""
    person = a_request("profile.create", email=an_address())
    return {
        "profile.create": (person, {**person, "first_name": "Other"}),
        "profile.update": ({"id": ada["id"], "last_name": "King"}, {"id": ada["id"], "last_name": "Byron"}),
        "profile.delete": ({"id": ada["id"]}, {"id": ada["id"], "expected_version": 1}),
        "post.create": ({"title": "Note", "body": "x"}, {"title": "Note", "body": "y"}),
        "post.update": ({"id": written["id"], "title": "H"}, {"id": written["id"], "title": "I"}),
        "post.delete": ({"id": written["id"]}, {"id": written["id"], "expected_version": 1}),
    }


@pytest.fixture
def send(gateway: Gateway, cleaner: Gateway, ada: Person) -> Callable[..., Awaitable[Body]]:
    """A function that sends a command under a name, as somebody who still may after it."""

    async def ask(command: str, body: Body, name: str) -> Body:
        if command == "profile.delete":  # she may nothing once she is deleted
            return await cleaner.ask(command, body, message_id=name)
        token = None if command == "profile.create" else ada["token"]
        return await gateway.ask(command, body, message_id=name, token=token)

    return ask


def test_every_command_is_looked_at(bodies: dict[str, Any]) -> None:
    assert sorted(bodies) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_that_comes_again_has_one_effect_and_the_same_reply(
    send: Callable[..., Awaitable[Body]], bodies: dict[str, tuple[Body, Body]], command: str
) -> None:
    (body, other), name = bodies[command], uuid4().hex
    at_once = await asyncio.gather(*(send(command, body, name) for _ in range(5)))
    later = await send(command, body, name)

    assert {json.dumps(each) for each in [*at_once, later]} == {json.dumps(later)}
    assert result(later)
    assert refusal(await send(command, other, name)) == ("conflict", "message_id_reused")
    assert await send(command, body, name) == later


def stored(sandbox: Sandbox, replies: list[Body]) -> list[Body]:
    """Return the profiles and posts that *replies* are about, but for what waits to be told of them."""
    ids = [UUID(each["result"]["id"]) for each in replies if each["ok"]]
    with MongoClient[Body](sandbox.mongo_url, uuidRepresentation="standard") as client:
        database = client.get_default_database()
        of_kinds = (
            database[kind].find({"id": {"$in": ids}}, {"outbox": 0}) for kind in ("profiles", "posts")
        )
        return [document for found in of_kinds for document in found]


@pytest.mark.parametrize("command", COMMANDS)
async def test_commands_that_come_again_in_reverse_order_change_nothing(
    sandbox: Sandbox,
    send: Callable[..., Awaitable[Body]],
    bodies: dict[str, tuple[Body, Body]],
    command: str,
) -> None:
    named = [(body, uuid4().hex) for body in bodies[command]]
    replies = [await send(command, *each) for each in named]
    before = stored(sandbox, replies)
    again = [await send(command, *each) for each in reversed(named)]

    assert before
    assert replies[0]["ok"]
    assert stored(sandbox, replies) == before
    # Each hears of the thing as it is now.
    now = {each["result"]["id"]: each for each in replies if each["ok"]}
    for reply, first in zip(again, reversed(replies), strict=True):
        assert reply == (now[first["result"]["id"]] if first["ok"] else first)


# By command: what the same message meets with when it comes again, how many refresh tokens are given then,
# and which sessions live: the one that asks, another one, and that of each reply. The tokens that come of a
# change of password may have been lost: then there are others.
SESSIONS_THEN = {
    "auth.login": (None, 2, [True, True, True, True]),
    "auth.refresh": (None, 1, [True, True, True, True]),
    "auth.logout": ("session_ended", 0, [False, True]),
    "auth.change_password": (None, 2, [False, False, True, True]),
}


def test_every_command_about_sessions_is_looked_at() -> None:
    commands = {each.queue for each in OPERATIONS if each.kind is Kind.COMMAND}

    assert set(SESSIONS_THEN) == commands & OF_SESSIONS - ELSEWHERE


@pytest.mark.parametrize("command", SESSIONS_THEN)
async def test_a_command_about_sessions_that_comes_again_does_no_more_than_it_says(
    gateway: Gateway, ada: Person, command: str
) -> None:
    asking, other = await logged_in(gateway, ada), await logged_in(gateway, ada)
    body = {
        "auth.login": {"email": ada["email"], "password": ada["password"]},
        "auth.refresh": {"refresh_token": asking["refresh_token"]},
        "auth.logout": {"scope": "local"},
        "auth.change_password": {"current_password": ada["password"], "new_password": NEW_PASSWORD},
    }[command]
    token = asking["access_token"] if command in {"auth.logout", "auth.change_password"} else None
    name = uuid4().hex
    first, again = [await gateway.ask(command, body, token=token, message_id=name) for _ in range(2)]
    opened = [each["result"] for each in (first, again) if "access_token" in each.get("result", {})]
    refused, different, living = SESSIONS_THEN[command]

    assert first["ok"]
    assert again["ok"] if refused is None else refusal(again) == ("unauthenticated", refused)
    assert len({each["refresh_token"] for each in opened}) == different
    assert await alive(gateway, [asking, other, *opened]) == living


async def test_the_name_of_a_command_belongs_to_who_sent_it(
    gateway: Gateway, ada: Person, bob: Person
) -> None:
    body, name = {"title": "Note", "body": "x"}, uuid4().hex
    mine = result(await gateway.ask("post.create", body, message_id=name, token=ada["token"]))
    theirs = await gateway.ask("post.create", body, message_id=name, token=bob["token"])

    assert mine["user_id"] == ada["id"]
    assert result(theirs)["user_id"] == bob["id"]


async def test_who_is_gone_keeps_no_name_from_others(
    gateway: Gateway, cleaner: Gateway, ada: Person, bob: Person
) -> None:
    body, name = {"title": "Note", "body": "x"}, uuid4().hex
    result(await gateway.ask("post.create", body, message_id=name, token=ada["token"]))
    result(await cleaner.ask("profile.delete", {"id": ada["id"]}))
    theirs = result(await gateway.ask("post.create", body, message_id=name, token=bob["token"]))

    assert result(await gateway.ask("post.get", {"id": theirs["id"]}))["user_id"] == bob["id"]


@pytest.mark.parametrize("command", ["profile.create", "post.create"])
async def test_a_repeat_hears_that_what_it_made_is_gone(
    *,
    gateway: Gateway,
    cleaner: Gateway,
    send: Callable[..., Awaitable[Body]],
    bodies: dict[str, tuple[Body, Body]],
    ada: Person,
    command: str,
) -> None:
    body, name = bodies[command][0], uuid4().hex
    made = result(await send(command, body, name))
    if command == "profile.create":
        result(await cleaner.ask("profile.delete", {"id": made["id"]}))
    else:
        result(await gateway.ask("post.delete", {"id": made["id"]}, token=ada["token"]))

    kind = command.partition(".")[0]
    assert refusal(await send(command, body, name)) == ("not_found", f"{kind}_not_found")


async def test_the_owner_who_lost_the_reply_of_a_deletion_hears_it_again(
    gateway: Gateway, ada: Person
) -> None:
    """Though the session has ended with it; another message hears that it has."""
    body, name = {"id": ada["id"]}, uuid4().hex
    first, again = [
        await gateway.ask("profile.delete", body, token=ada["token"], message_id=name) for _ in range(2)
    ]
    other = await gateway.ask("profile.delete", body, token=ada["token"], message_id=uuid4().hex)

    assert result(first)["status"] == "deleted"
    assert again == first
    assert refusal(other) == ("unauthenticated", "session_ended")


async def test_nobody_changes_a_password_back_by_a_message_that_came_before(
    gateway: Gateway, ada: Person
) -> None:
    """The first change comes again after a second one: its new password is none any more."""
    name, asking = uuid4().hex, await logged_in(gateway, ada)
    change = {"current_password": ada["password"], "new_password": NEW_PASSWORD}
    token = asking["access_token"]
    changed = result(await gateway.ask("auth.change_password", change, token=token, message_id=name))
    second = {"current_password": NEW_PASSWORD, "new_password": NEW_PASSWORD + " again"}
    result(await gateway.ask("auth.change_password", second, token=changed["access_token"]))
    again = await gateway.ask("auth.change_password", change, token=token, message_id=name)

    assert refusal(again) == ("unauthenticated", "invalid_credentials")


async def test_no_password_can_be_guessed_from_what_is_remembered(service: Gateway, sandbox: Sandbox) -> None:
    name, body = uuid4().hex, a_request("profile.create", email=an_address())
    result(await service.ask("profile.create", body, message_id=name))
    with MongoClient[Body](sandbox.mongo_url, uuidRepresentation="standard") as client:
        (stored,) = client.get_default_database()["profiles"].find({"email": body["email"]})

    assert {name: type(each) for name, each in stored["created_by"].items()} == {
        "id": bytes,
        "digest": bytes,
        "version": int,
    }
    assert name not in repr(stored)
    assert body["password"] not in repr(stored)
