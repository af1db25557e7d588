"""Signing keys come and go while a worker runs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest_asyncio

from profile_contracts.events import KEYS_ROTATED
from service.infrastructure.security.keyring import LOOK_AGAIN
from tests.integration.gateway import eventually
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.events import ENVELOPE, Listener, listening
from tests.integration.identity.people import alive, logged_in, refresh, signed_up
from tests.integration.identity.profilectl import profilectl, profilectl_refuses
from tests.integration.replies import refusal, result

SOON = LOOK_AGAIN.total_seconds() + 10


@pytest_asyncio.fixture
async def hearing(empty: IsolatedEnv) -> AsyncIterator[Listener]:
    """Hears the events of the environment."""
    async with listening(empty.sandbox.admin_url) as listener:
        yield listener


async def _kids(env: IsolatedEnv) -> list[str]:
    keys: list[dict[str, Any]] = result(await env.gateway.ask("auth.keys", {}))["keys"]
    return [key["kid"] for key in keys]


async def _lists(env: IsolatedEnv, *kids: str) -> None:
    async def look() -> bool:
        return await _kids(env) == [*kids]

    await eventually(look, within=SOON)


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_a_key_follows_another_without_a_gap(empty: IsolatedEnv, hearing: Listener) -> None:
    (old,) = await _kids(empty)
    person = await signed_up(empty.service)
    before = await logged_in(empty.gateway, person)
    path = await profilectl(empty, "keys", "new")
    new = Path(path).stem.partition("-")[2]
    await _lists(empty, old, new)
    overlapping = await logged_in(empty.gateway, person)

    assert await alive(empty.gateway, [before, overlapping]) == [True, True]
    # Gateways have to learn of a key before it signs.
    assert _kid(before["access_token"]) == _kid(overlapping["access_token"]) == old
    listed = await profilectl(empty, "keys", "list")
    assert all(kid in listed for kid in (old, new))

    retired = await profilectl(empty, "keys", "retire", old)
    await _lists(empty, new)

    assert retired.endswith(".retired")
    assert await alive(empty.gateway, [before, overlapping]) == [False, False]
    body, token = {"id": person["id"]}, before["access_token"]
    reply = await empty.gateway.ask("profile.get", body, token=token)
    assert refusal(reply) == ("unauthenticated", "token_invalid")
    after = await refresh(empty.gateway, before)  # the session lives, and gets a token of the new key
    assert _kid(after["access_token"]) == new
    assert await alive(empty.gateway, [after]) == [True]

    async def told() -> list[dict[str, Any]]:
        events = hearing.events(KEYS_ROTATED.name)
        return events if len(events) > 1 else []

    added, dropped = await eventually(told)
    assert [each["data"] for each in (added, dropped)] == [{"kids": [old, new]}, {"kids": [new]}]
    assert added.keys() == ENVELOPE


async def test_the_last_key_is_not_retired(trusting: IsolatedEnv) -> None:
    (kid,) = await _kids(trusting)

    assert "is the last key" in await profilectl_refuses(trusting, "keys", "retire", kid)
    assert await profilectl(trusting, "keys", "list")
    assert await _kids(trusting) == [kid]
