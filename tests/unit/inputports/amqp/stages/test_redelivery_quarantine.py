import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from profile_contracts.operations import AUTH_LOGIN, PROFILE_UPDATE, Operation
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages import redelivery_quarantine as module
from service.infrastructure.inputports.amqp.stages.redelivery_quarantine import RedeliveryQuarantine
from tests.unit.inputports.amqp.stages.running import a_context


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all of them be there after a moment."""
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)


async def turns(counts: dict[int, int], dies_at: int | None = None) -> list[int]:
    """Return the numbers of messages in the order of their turns, given how often each was delivered."""
    quarantine, order, busy = RedeliveryQuarantine(), list[int](), asyncio.Lock()

    async def take(number: int, count: int) -> None:
        headers = {"x-delivery-count": count}
        context = a_context(number=number, headers=headers, redelivered=count > 0)

        async def rest(_context: MessageContext) -> None:
            assert not (count and busy.locked())
            if dies_at in order:
                return
            order.append(number)
            if count:
                async with busy:
                    await asyncio.sleep(0)

        await quarantine(context, rest)

    await asyncio.gather(*(take(number, count) for number, count in counts.items()))
    return order


async def test_what_was_not_delivered_before_waits_for_nobody() -> None:
    assert await turns({3: 0, 1: 0, 2: 0}) == [3, 1, 2]


@pytest.mark.parametrize(("count", "order"), [(1, [1, 2, 3]), (2, [3, 2, 1]), (3, [1, 2, 3])])
async def test_redelivered_messages_go_one_after_the_other_now_from_here_now_from_there(
    count: int, order: list[int]
) -> None:
    assert await turns({1: count, 2: count, 3: count}) == order


async def test_after_two_deaths_only_the_one_that_kills_is_left() -> None:
    left = {1: 1, 2: 1, 3: 1, 4: 1, 5: 1}
    for _ in range(2):
        done = await turns(left, dies_at=3)
        left = {number: count + 1 for number, count in left.items() if number not in done or number == 3}

    assert left == {3: 3}


async def test_after_a_reconnect_the_same_number_is_another_message() -> None:
    quarantine, served = RedeliveryQuarantine(), []

    async def take(channel: str) -> None:
        context = a_context(number=1, headers={"x-delivery-count": 1}, redelivered=True)

        async def rest(_context: MessageContext) -> None:
            await asyncio.sleep(0)
            served.append(channel)

        await quarantine(context, rest)

    await asyncio.gather(take("before"), take("after"), take("again"))
    await take("later")

    assert served == ["before", "after", "again", "later"]


async def test_one_that_comes_late_and_changes_whose_turn_it_is_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of a later queue looks first, and waits. Then a higher count turns the order round."""
    pauses = {"profile.update": asyncio.Event(), "auth.login": asyncio.Event()}
    paused = iter([*pauses.values(), pauses["auth.login"]])
    paces = SimpleNamespace(sleep=lambda _seconds: next(paused).wait(), Condition=asyncio.Condition)
    monkeypatch.setattr(module, "asyncio", paces)
    quarantine, served = RedeliveryQuarantine(), []

    async def take(operation: Operation[Any, Any], count: int) -> None:
        context = a_context(route=operation, headers={"x-delivery-count": count}, redelivered=True)

        async def rest(_context: MessageContext) -> None:
            served.append((operation, count))

        await quarantine(context, rest)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(take(PROFILE_UPDATE, 1))
        group.create_task(take(AUTH_LOGIN, 1))
        await asyncio.sleep(0)
        pauses["profile.update"].set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert served == []
        group.create_task(take(AUTH_LOGIN, 2))
        await asyncio.sleep(0)
        pauses["auth.login"].set()

    assert served == [(PROFILE_UPDATE, 1), (AUTH_LOGIN, 2), (AUTH_LOGIN, 1)]
