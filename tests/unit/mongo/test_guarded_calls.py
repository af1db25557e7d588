"""Whoever waits for a turn behind other writes of the same user waits in the caller's time."""

import asyncio
from typing import Any

import pytest
from pymongo import _csot

from service.domain.profile import Profile
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.guarded_writes import guarded_call
from service.pkg import database
from service.pkg.database import operation_deadline
from tests.builders import a_profile

LIMIT = 0.2


class Store:
    """A method that is let go on, and says how much of an operation's time was left when it began."""

    client: Any = None

    def __init__(self) -> None:
        self.begun, self.going_on = asyncio.Event(), asyncio.Event()

    @guarded_call
    async def write(self, *, authorized_by: Profile | None = None) -> float:  # noqa: ARG002 - whose turn
        left = _csot.remaining()
        self.begun.set()
        await self.going_on.wait()
        return left or 0.0


async def test_the_time_of_an_operation_begins_with_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OPERATION_SECONDS", LIMIT)
    store, ada = Store(), a_profile()
    first, second = (asyncio.ensure_future(store.write(authorized_by=ada)) for _ in range(2))
    await store.begun.wait()
    with pytest.raises(TimeoutError):  # longer than one operation may take
        async with asyncio.timeout(LIMIT + 0.01):
            await asyncio.shield(second)
    store.going_on.set()
    await first

    assert await second > 0


async def test_others_have_turns_of_their_own() -> None:
    store, ada = Store(), a_profile()
    first = asyncio.ensure_future(store.write(authorized_by=ada))
    await store.begun.wait()
    store.going_on.set()

    async with asyncio.timeout(5):
        left = await asyncio.gather(*(store.write(authorized_by=each) for each in (a_profile(), None)))
    assert min(*left, await first) > 0


async def test_a_turn_is_waited_for_no_longer_than_the_caller_waits() -> None:
    store, ada = Store(), a_profile()
    first = asyncio.ensure_future(store.write(authorized_by=ada))
    await store.begun.wait()
    with operation_deadline(0.05), pytest.raises(DatabaseUnavailable):
        await store.write(authorized_by=ada)
    store.going_on.set()
    await first
    assert await store.write(authorized_by=ada) > 0
