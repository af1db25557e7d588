"""A session from login to logout, and what its refresh token is good for."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pymongo import MongoClient

from tests.integration.conftest import LIFETIME, Person
from tests.integration.gateway import Gateway
from tests.integration.identity.events import ENVELOPE, Listener
from tests.integration.identity.people import (
    NEW_PASSWORD,
    Tokens,
    alive,
    change_password,
    logged_in,
    refresh,
    refused,
    verdict,
)
from tests.integration.replies import refusal, result
from tools.servers.sandbox import Sandbox

TOKENS = {"access_token", "token_type", "expires_in", "refresh_token", "profile_id"}

NONE = {"spared_session_id": None, "revoked_before": None}


async def test_a_login_gives_tokens_and_each_login_is_a_session(gateway: Gateway, ada: Person) -> None:
    first, second = [await logged_in(gateway, ada) for _ in range(2)]
    sessions = {(await verdict(gateway, each["access_token"]))["sid"] for each in (first, second)}

    assert first.keys() == TOKENS | {"device_token"}
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == LIFETIME
    assert first["profile_id"] == ada["id"]
    assert first["refresh_token"] != second["refresh_token"]
    assert len(sessions) == 2


async def test_a_refresh_gives_the_next_tokens_of_the_same_session(gateway: Gateway, ada: Person) -> None:
    first = await logged_in(gateway, ada)
    second = await refresh(gateway, first)
    third = await refresh(gateway, second)
    sessions = {(await verdict(gateway, each["access_token"]))["sid"] for each in (first, second, third)}

    assert second.keys() == TOKENS
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    assert len({each["access_token"] for each in (first, second, third)}) == 3
    assert len(sessions) == 1


async def test_fifty_refreshes_of_one_token_get_one_successor(gateway: Gateway, ada: Person) -> None:
    first = await logged_in(gateway, ada)
    body = {"refresh_token": first["refresh_token"]}
    replies = await asyncio.gather(*(gateway.ask("auth.refresh", body, timeout=30) for _ in range(50)))
    followers = [result(reply) for reply in replies]

    assert len({each["refresh_token"] for each in followers}) == 1
    assert all(await alive(gateway, [first, *followers]))
    assert await refresh(gateway, followers[0])


async def test_a_lost_reply_is_made_good_by_asking_again(
    gateway: Gateway, ada: Person, sandbox: Sandbox
) -> None:
    first = await logged_in(gateway, ada)
    lost = await refresh(gateway, first)
    await _age(sandbox, gateway, lost)
    again = await refresh(gateway, first)

    assert again["refresh_token"] == lost["refresh_token"]
    assert await refresh(gateway, again)


async def _age(sandbox: Sandbox, gateway: Gateway, tokens: Tokens) -> None:
    """Let the last refresh be eleven seconds ago: one more than it was once made good for."""
    session = UUID((await verdict(gateway, tokens["access_token"]))["sid"])
    long_ago = datetime.now(UTC) - timedelta(seconds=11)
    with MongoClient[dict[str, Any]](sandbox.mongo_url, uuidRepresentation="standard") as client:
        sessions = client.get_default_database()["sessions"]
        changed = sessions.update_one({"_id": session}, {"$set": {"moved_at": long_ago}})
    assert changed.matched_count == 1


async def test_a_reused_token_ends_its_session_and_no_other(
    gateway: Gateway, ada: Person, listener: Listener
) -> None:
    other, first = await logged_in(gateway, ada), await logged_in(gateway, ada)
    last = await refresh(gateway, await refresh(gateway, first))
    session = (await verdict(gateway, last["access_token"]))["sid"]
    reason = await refused(gateway, first)
    told = await listener.revocation(ada["id"], "reuse")

    assert reason == "refresh_token_reused"
    assert await alive(gateway, [first, last, other]) == [False, False, True]
    assert await refused(gateway, first) == "refresh_token_invalid"
    assert await refused(gateway, last) == "refresh_token_invalid"
    assert told == {**NONE, "user_id": ada["id"], "session_ids": [session], "reason": "reuse"}


async def test_events_are_cloudevents_without_anything_personal(
    gateway: Gateway, ada: Person, listener: Listener
) -> None:
    tokens = await logged_in(gateway, ada)
    session = (await verdict(gateway, tokens["access_token"]))["sid"]
    await gateway.ask("auth.logout", {"scope": "local"}, token=tokens["access_token"])
    await listener.revocation(ada["id"], "logout")
    told = listener.events("auth.session_revoked")
    (event,) = [each for each in told if each["data"]["user_id"] == ada["id"]]

    assert event.keys() == ENVELOPE
    assert event["type"] == "auth.session_revoked"
    assert (event["id"], event["subject"]) == (f"auth.session_revoked/{session}/1", session)
    assert event["data"] == {"user_id": ada["id"], "session_ids": [session], "reason": "logout", **NONE}


@pytest.mark.parametrize(
    ("scope", "survivors"),
    [
        ("local", [False, True, True, True]),
        ("others", [True, False, False, False]),
        ("global", [False] * 4),
    ],
)
async def test_a_logout_ends_what_its_scope_says(
    gateway: Gateway, ada: Person, bob: Person, scope: str, survivors: list[bool]
) -> None:
    sessions = [await logged_in(gateway, ada) for _ in range(3)]
    sessions.append({"access_token": ada["token"]})  # the fixture's own
    assert all(await alive(gateway, sessions))  # so that good verdicts are remembered
    mine = sessions[0]["access_token"]
    counted = result(await gateway.ask("auth.logout", {"scope": scope}, token=mine))

    assert counted == {"revoked": survivors.count(False)}
    assert await alive(gateway, sessions) == survivors
    assert [await _may_refresh(gateway, each) for each in sessions[:3]] == survivors[:3]
    assert await alive(gateway, [{"access_token": bob["token"]}]) == [True]
    again = await gateway.ask("auth.logout", {"scope": scope}, token=mine)
    assert again["ok"] is survivors[0]


async def _may_refresh(gateway: Gateway, tokens: Tokens) -> bool:
    reply = await gateway.ask("auth.refresh", {"refresh_token": tokens["refresh_token"]})
    return bool(reply["ok"])


async def test_a_change_of_password_ends_all_others_and_gives_working_tokens(
    gateway: Gateway, ada: Person, listener: Listener
) -> None:
    sessions = [await logged_in(gateway, ada) for _ in range(2)]
    mine = result(await change_password(gateway, ada, sessions[0]))
    old = {"email": ada["email"], "password": ada["password"]}

    assert mine.keys() == TOKENS
    assert await alive(gateway, [*sessions, {"access_token": ada["token"]}, mine]) == [False] * 3 + [True]
    assert [await refused(gateway, each) for each in sessions] == ["refresh_token_invalid"] * 2
    assert await refresh(gateway, mine)
    assert refusal(await gateway.ask("auth.login", old)) == ("unauthenticated", "invalid_credentials")
    assert await logged_in(gateway, ada, NEW_PASSWORD)
    assert (await listener.revocation(ada["id"], "password_changed"))["session_ids"] == []


async def test_a_change_of_password_needs_the_current_one(gateway: Gateway, ada: Person) -> None:
    mine = await logged_in(gateway, ada)
    reply = await change_password(gateway, {**ada, "password": "a wrong password"}, mine)

    assert refusal(reply) == ("unauthenticated", "invalid_credentials")
    assert await alive(gateway, [mine]) == [True]
    assert await logged_in(gateway, ada)


@pytest.mark.parametrize("whose", ["ada", "bob"])
async def test_a_login_ends_the_session_that_it_takes_the_place_of(
    gateway: Gateway, ada: Person, bob: Person, listener: Listener, whose: str
) -> None:
    """Whoever's it is: a browser that another user logs in with has one session at a time."""
    before = ada if whose == "ada" else bob
    former, other = [await logged_in(gateway, before) for _ in range(2)]
    session = (await verdict(gateway, former["access_token"]))["sid"]
    credentials = {"email": ada["email"], "password": ada["password"]}
    takes_its_place = {"refresh_token": former["refresh_token"]}
    wrong = await gateway.ask("auth.login", {**credentials, **takes_its_place, "password": "a wrong one"})
    assert await alive(gateway, [former]) == [True]
    new = result(await gateway.ask("auth.login", {**credentials, **takes_its_place}))
    told = await listener.revocation(before["id"], "login")

    assert refusal(wrong) == ("unauthenticated", "invalid_credentials")
    assert await alive(gateway, [former, other, new]) == [False, True, True]
    assert await refused(gateway, former) == "refresh_token_invalid"
    assert told == {**NONE, "user_id": before["id"], "session_ids": [session], "reason": "login"}


async def test_a_refresh_token_that_is_good_no_more_keeps_nobody_from_logging_in_and_ends_nothing(
    gateway: Gateway, ada: Person
) -> None:
    credentials = {"email": ada["email"], "password": ada["password"]}
    used_up = await logged_in(gateway, ada)
    alive_still = await refresh(gateway, await refresh(gateway, used_up))
    ended = await logged_in(gateway, ada)
    await gateway.ask("auth.logout", {"scope": "local"}, token=ended["access_token"])
    for token in (used_up["refresh_token"], ended["refresh_token"], alive_still["access_token"], "none", ""):
        new = result(await gateway.ask("auth.login", {**credentials, "refresh_token": token}))

        assert new.keys() == TOKENS | {"device_token"}
    assert await alive(gateway, [alive_still]) == [True]


async def test_a_dead_session_is_told_by_its_name(gateway: Gateway, ada: Person) -> None:
    mine = (await logged_in(gateway, ada))["access_token"]
    assert (await gateway.ask("profile.get", {"id": ada["id"]}, token=mine))["ok"]
    await gateway.ask("auth.logout", {"scope": "local"}, token=mine)
    for queue, body in (
        ("profile.get", {"id": ada["id"]}),
        ("profile.update", {"id": ada["id"], "last_name": "King"}),
        ("profile.delete", {"id": ada["id"]}),
        ("auth.logout", {"scope": "global"}),
        ("auth.change_password", {"current_password": ada["password"], "new_password": NEW_PASSWORD}),
    ):
        reply = await gateway.ask(queue, body, token=mine)

        assert refusal(reply) == ("unauthenticated", "session_ended")
