"""Commands that are delivered twice, and in reverse order: each has its effect once, and the same reply."""

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
COMMANDS = [each.queue for each in OPERATIONS if each.kind is Kind.COMMAND and each.queue not in OF_SESSIONS]


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
    assert again == replies[::-1]
    assert stored(sandbox, replies) == before


# By command: what the same message meets with when it comes again, how many refresh tokens are given then,
# and which sessions live: the one that asks, another one, and that of each reply.
SESSIONS_THEN = {
    "auth.login": (None, 2, [True, True, True, True]),
    "auth.refresh": (None, 1, [True, True, True, True]),
    "auth.logout": ("session_ended", 0, [False, True]),
    "auth.change_password": ("session_ended", 1, [False, False, True]),
}


def test_every_command_about_sessions_is_looked_at() -> None:
    commands = {each.queue for each in OPERATIONS if each.kind is Kind.COMMAND}

    assert set(SESSIONS_THEN) == commands & OF_SESSIONS


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
    assert refusal(theirs) == ("conflict", "message_id_reused")


async def test_no_password_can_be_guessed_from_what_is_remembered(service: Gateway, sandbox: Sandbox) -> None:
    name, body = uuid4().hex, a_request("profile.create", email=an_address())
    result(await service.ask("profile.create", body, message_id=name))
    with MongoClient[Body](sandbox.mongo_url, uuidRepresentation="standard") as client:
        (stored,) = client.get_default_database()["profiles"].find({"created_by.id": name})

    assert len(stored["created_by"]["digest"]) == 16
    assert "hashed_password" not in stored["created_by"]["result"]
    assert body["password"] not in repr(stored)
