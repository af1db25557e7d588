"""What one worker ends is over for the other: at once, and for good."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis

from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, eventually
from tests.integration.identity.events import Listener
from tests.integration.identity.people import alive, assert_over, change_password, logged_in, outcomes
from tests.integration.replies import refusal, result
from tools.servers.sandbox import REDIS_CLAIM, Sandbox
from tools.worker import Worker

# Queries are given to both workers in turns, and many at once to both for sure.
MANY = 20


@pytest_asyncio.fixture(autouse=True)
async def _both(second: Worker, gateway: Gateway) -> None:
    assert second.process.poll() is None
    lines = second.log.read_text().count('"auth.keys"')
    await asyncio.gather(*(gateway.ask("auth.keys", {}) for _ in range(MANY)))

    async def heard() -> int:
        return second.log.read_text().count('"auth.keys"') - lines

    # Lines are written after the reply. If all or none were its own, there would be one worker to speak of.
    assert 0 < await eventually(heard) < MANY


def _change(how: str, who: Person) -> tuple[str, dict[str, Any]]:
    """Return the request that ends the sessions of *who*."""
    update = {"id": who["id"]}
    return {
        "logout": ("auth.logout", {"scope": "global"}),
        "suspended": ("profile.update", {**update, "status": "suspended"}),
        "role_changed": ("profile.update", {**update, "role": "admin"}),
        "deleted": ("profile.delete", update),
    }[how]


@pytest.mark.parametrize("how", ["logout", "suspended", "role_changed", "deleted", "password_changed"])
async def test_the_other_worker_sees_it_in_less_than_a_second(
    gateway: Gateway, ada: Person, admin: Person, listener: Listener, how: str
) -> None:
    token = ada["token"]
    assert all(await alive(gateway, [{"access_token": token}] * MANY))  # so that it is remembered
    if how == "password_changed":
        result(await change_password(gateway, ada, {"access_token": token}))
    else:
        by = token if how == "logout" else admin["token"]
        result(await gateway.ask(*_change(how, ada), token=by))

    await assert_over(gateway, [{"access_token": token}] * MANY)

    body = {"id": ada["id"]}
    replies = await asyncio.gather(*(gateway.ask("profile.get", body, token=token) for _ in range(MANY)))
    assert outcomes(replies) == {"session_ended": MANY}
    told = await listener.revocation(ada["id"], how)
    # A logout names its session; all else ends them all, and a new password spares the one it opens.
    assert (len(told["session_ids"]), told["spared_session_id"] is not None) == (
        how == "logout",
        how == "password_changed",
    )


@pytest.mark.parametrize("how", ["logout", "suspended", "deleted"])
async def test_flushing_redis_brings_nothing_back(
    gateway: Gateway, sandbox: Sandbox, ada: Person, admin: Person, how: str
) -> None:
    token = ada["token"]
    result(await gateway.ask(*_change(how, ada), token=token if how == "logout" else admin["token"]))
    _flush(sandbox)

    assert await alive(gateway, [{"access_token": token}] * MANY) == [False] * MANY
    assert await alive(gateway, [{"access_token": admin["token"]}]) == [True]


async def test_a_user_who_is_let_in_again_has_no_old_session(
    gateway: Gateway, sandbox: Sandbox, ada: Person, admin: Person
) -> None:
    for status in ("suspended", "active"):
        result(await gateway.ask("profile.update", {"id": ada["id"], "status": status}, token=admin["token"]))
    _flush(sandbox)

    assert await alive(gateway, [{"access_token": ada["token"]}] * MANY) == [False] * MANY
    assert await alive(gateway, [await logged_in(gateway, ada)]) == [True]


def _flush(sandbox: Sandbox) -> None:
    """Empty the sandbox's database, and keep the claim to it."""
    with Redis.from_url(sandbox.redis_url) as redis:
        claim = redis.get(REDIS_CLAIM)
        with redis.pipeline(transaction=True) as pipeline:
            pipeline.flushdb()
            pipeline.set(REDIS_CLAIM, claim or b"")
            pipeline.execute()


async def test_a_dead_session_cannot_end_others(gateway: Gateway, ada: Person) -> None:
    dead, living = await logged_in(gateway, ada), await logged_in(gateway, ada)
    result(await gateway.ask("auth.logout", {"scope": "local"}, token=dead["access_token"]))
    reply = await gateway.ask("auth.logout", {"scope": "global"}, token=dead["access_token"])

    assert refusal(reply) == ("unauthenticated", "session_ended")
    assert await alive(gateway, [living]) == [True]
