"""A password changes while others log in with it and refresh what they got."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.people import (
    Tokens,
    alive,
    change_password,
    guess,
    logged_in,
    outcomes,
    refused,
)
from tests.integration.replies import result
from tools.worker import Worker

ENDS = {"suspended": ("profile.update", {"status": "suspended"}), "deleted": ("profile.delete", {})}
Asking = Coroutine[Any, Any, dict[str, Any]]


def _refresh(gateway: Gateway, tokens: Tokens) -> Asking:
    return gateway.ask("auth.refresh", {"refresh_token": tokens["refresh_token"]}, timeout=30)


async def _none_survives(gateway: Gateway, gained: list[Tokens]) -> None:
    assert await alive(gateway, gained) == [False] * len(gained)
    reasons = [await refused(gateway, each) for each in gained]
    assert set(reasons) <= {"refresh_token_invalid"}


@pytest.mark.parametrize("head_start", [0, 4, 8])
async def test_no_session_of_the_old_password_survives(
    gateway: Gateway, ada: Person, second: Worker, head_start: int
) -> None:
    assert second.process.poll() is None
    held = [await logged_in(gateway, ada) for _ in range(4)]
    mine = await logged_in(gateway, ada)
    change: list[Asking] = [change_password(gateway, ada, mine)]
    logins: list[Asking] = [guess(gateway, ada["email"], ada["password"]) for _ in range(10)]
    refreshes = [_refresh(gateway, each) for each in held * 3]
    first = [*logins[:head_start], *refreshes[:head_start], *change, *logins[head_start:]]
    replies = await asyncio.gather(*first, *refreshes[head_start:])
    new = result(replies[2 * head_start])
    replies.pop(2 * head_start)
    gained = [reply["result"] for reply in replies if reply["ok"]]

    assert outcomes(replies).keys() <= {
        "ok",
        "invalid_credentials",
        "too_many_attempts",
        "attempts_in_flight",
        "refresh_token_invalid",
    }
    await _none_survives(gateway, [*held, mine, *gained])
    assert await alive(gateway, [new]) == [True]
    assert (await _refresh(gateway, new))["ok"]


async def test_one_of_many_changes_at_once_wins(gateway: Gateway, ada: Person, second: Worker) -> None:
    assert second.process.poll() is None
    sessions = [await logged_in(gateway, ada) for _ in range(4)]
    replies = await asyncio.gather(*(change_password(gateway, ada, each) for each in sessions))
    (winner,) = [reply["result"] for reply in replies if reply["ok"]]

    assert outcomes(replies).keys() <= {
        "ok",
        "too_many_writers",
        "invalid_credentials",
        "session_ended",
        "attempts_in_flight",
    }
    await _none_survives(gateway, sessions)
    assert await alive(gateway, [winner]) == [True]


@pytest.mark.parametrize("how", ["suspended", "deleted"])
async def test_no_login_outlives_its_user(
    gateway: Gateway, ada: Person, admin: Person, second: Worker, how: str
) -> None:
    assert second.process.poll() is None
    held = [await logged_in(gateway, ada) for _ in range(4)]
    queue, more = ENDS[how]
    replies = await asyncio.gather(
        *(guess(gateway, ada["email"], ada["password"]) for _ in range(6)),
        *(_refresh(gateway, each) for each in held),
        gateway.ask(queue, {"id": ada["id"], **more}, token=admin["token"]),
        *(guess(gateway, ada["email"], ada["password"]) for _ in range(4)),
        *(_refresh(gateway, each) for each in held),
    )
    gained = [reply["result"] for reply in replies if reply["ok"] and "refresh_token" in reply["result"]]

    await _none_survives(gateway, [*held, *gained])


async def test_a_global_logout_leaves_nothing_to_refresh(
    gateway: Gateway, ada: Person, second: Worker
) -> None:
    assert second.process.poll() is None
    held = [await logged_in(gateway, ada) for _ in range(4)]
    mine = held[0]["access_token"]
    replies = await asyncio.gather(
        *(_refresh(gateway, each) for each in held * 2),
        gateway.ask("auth.logout", {"scope": "global"}, token=mine),
        *(_refresh(gateway, each) for each in held * 2),
    )
    gained = [reply["result"] for reply in replies if reply["ok"] and "refresh_token" in reply["result"]]

    await _none_survives(gateway, [*held, *gained])
    assert await logged_in(gateway, ada)
