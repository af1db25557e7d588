"""Root keys come and go while a worker runs: what one of them made is good until that is retired."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest_asyncio

from service.infrastructure.security.key_files import file_name
from service.infrastructure.security.keyring import LOOK_AGAIN, PUBLISHED_AHEAD
from tests.integration.conftest import Person
from tests.integration.gateway import eventually
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import Tokens, logged_in, refresh, refused, signed_up
from tests.integration.identity.profilectl import profilectl, profilectl_refuses
from tests.integration.replies import refusal, result

SOON = LOOK_AGAIN.total_seconds() + 10


@pytest_asyncio.fixture
async def person(empty: IsolatedEnv) -> Person:
    return await signed_up(empty.service)


def _kid(tokens: Tokens) -> str:
    """Return the name of the root key in a refresh token."""
    text: str = tokens["refresh_token"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[1:9].hex()


def _made_a_quarter_of_an_hour_before(path: Path) -> None:
    """Let the time pass that a new key waits: its file says when it was made."""
    before = datetime.now(UTC) - PUBLISHED_AHEAD - timedelta(minutes=1)
    path.rename(path.with_name(file_name(before, path.stem.partition("-")[2], path.suffix)))


async def _root_keys(env: IsolatedEnv) -> dict[str, str]:
    """Return the state of each root key, as `profilectl` shows it."""
    lines = [line.split() for line in (await profilectl(env, "keys", "list")).splitlines()]
    return {words[0]: words[-1] for words in lines if words[1:2] == ["root"]}


async def _logs_in_with(env: IsolatedEnv, person: Person, kid: str) -> Tokens:
    """Return the tokens of the first login whose refresh token names *kid*."""

    async def log_in() -> list[Tokens]:
        tokens = await logged_in(env.gateway, person)
        return [tokens] if _kid(tokens) == kid else []

    (found,) = await eventually(log_in, within=SOON)
    return found


async def _post(env: IsolatedEnv, tokens: Tokens, message_id: str, title: str = "Note G") -> dict[str, Any]:
    """Return the reply to a new post."""
    body = {"title": title, "body": "It weaves."}
    return await env.gateway.ask("post.create", body, token=tokens["access_token"], message_id=message_id)


async def _first_page(env: IsolatedEnv) -> str:
    """Return where the second page of all profiles begins."""
    cursor: str = result(await env.service.ask("profile.list", {"limit": 1}))["next_cursor"]
    return cursor


async def _second_page(env: IsolatedEnv, cursor: str) -> dict[str, Any]:
    return await env.service.ask("profile.list", {"limit": 1, "cursor": cursor})


async def test_a_root_key_follows_another_without_a_gap(empty: IsolatedEnv, person: Person) -> None:
    (old,) = await _root_keys(empty)
    await signed_up(empty.service)  # for a second page
    before, idle = await logged_in(empty.gateway, person), await logged_in(empty.gateway, person)
    name, cursor = uuid4().hex, await _first_page(empty)
    created = result(await _post(empty, before, name))
    assert _kid(before) == old

    path = Path(await profilectl(empty, "keys", "new", "--root"))
    new = path.stem.partition("-")[2]
    assert await _root_keys(empty) == {old: "current", new: "accepted"}
    _made_a_quarter_of_an_hour_before(path)
    assert await _root_keys(empty) == {old: "accepted", new: "current"}
    fresh = await _logs_in_with(empty, person, new)

    after = await refresh(empty.gateway, before)
    assert _kid(after) == new
    assert result(await _post(empty, after, name))["id"] == created["id"]
    assert refusal(await _post(empty, after, name, "Note H")) == ("conflict", "message_id_reused")
    assert (await _second_page(empty, cursor))["ok"]
    between, later_cursor = uuid4().hex, await _first_page(empty)
    created_between = result(await _post(empty, after, between))

    retired = await profilectl(empty, "keys", "retire", old)
    assert (retired.endswith("refresh.retired"), await _root_keys(empty)) == (True, {new: "current"})

    async def refused_page() -> list[dict[str, Any]]:
        reply = await _second_page(empty, cursor)
        return [] if reply["ok"] else [reply]

    (page,) = await eventually(refused_page, within=SOON)
    assert refusal(page) == ("invalid", "cursor_invalid")
    assert (await _second_page(empty, later_cursor))["ok"]
    assert await refused(empty.gateway, idle) == "refresh_token_invalid"
    assert _kid(await refresh(empty.gateway, fresh)) == new
    assert _kid(await refresh(empty.gateway, after)) == new
    # It was recorded under both.
    assert result(await _post(empty, after, between))["id"] == created_between["id"]
    assert "is the last root key" in await profilectl_refuses(empty, "keys", "retire", new)
