import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from service.app.auth.budgets import Budget, Counter, Counters
from service.app.auth.throttle import RESERVATION_TTL, AttemptCounters, Outcome, ReservationResult
from service.infrastructure.memory.attempts import MemoryAttempts
from service.infrastructure.redis.attempts import RedisAttempts
from service.infrastructure.redis.client import open_redis
from tests.fakes.clock import FakeClock
from tests.ports.conftest import closed_port
from tools.servers.sandbox import Sandbox

MINUTE = timedelta(minutes=1)
BUDGET = Budget(3, MINUTE)


@dataclass(frozen=True, slots=True)
class Stand:
    """Counters, and a way to let time pass for them."""

    counters: AttemptCounters
    wait: Callable[[timedelta], Awaitable[None]]

    async def guess(
        self, counter: Counter, *crowds: Counter, outcome: Outcome = Outcome.WRONG
    ) -> tuple[ReservationResult, int]:
        """Make an attempt that comes out like that, if it may be made."""
        name, counters = uuid4().hex, Counters(counter, crowds)
        answer = await self.counters.reserve(name, counters)
        if answer[0] is ReservationResult.RESERVED:
            await self.counters.settle(name, counters, outcome)
        return answer

    async def answer(self, counter: Counter, *crowds: Counter) -> ReservationResult:
        """Return what an attempt is answered, without making one."""
        return (await self.guess(counter, *crowds, outcome=Outcome.UNCHECKED))[0]


@pytest.fixture
def memory_stand() -> Stand:
    clock = FakeClock()

    async def wait(length: timedelta) -> None:
        clock.advance(seconds=length.total_seconds())

    return Stand(MemoryAttempts(lambda: clock.now().timestamp()), wait)


@pytest_asyncio.fixture
async def redis(sandbox: Sandbox) -> AsyncIterator[Redis]:
    client = open_redis(sandbox.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def redis_stand(redis: Redis) -> Stand:
    async def wait(length: timedelta) -> None:
        """Move everything that is stored into the past, instead of waiting."""
        milliseconds = length // timedelta(milliseconds=1)
        async for key in redis.scan_iter("*{login}*"):
            left = await redis.pttl(key)
            if left <= milliseconds:
                await redis.delete(key)
                continue
            await redis.pexpire(key, left - milliseconds)
            if key.startswith(b"going-on"):
                stored: Any = await redis.zrange(key, 0, -1, withscores=True)
                for member, score in stored:
                    await redis.zadd(key, {member: score - milliseconds})
            elif key.startswith(b"guesses"):
                await redis.decrby(key, milliseconds)

    return Stand(RedisAttempts(redis, MemoryAttempts()), wait)


@pytest.fixture(params=["memory", "redis"])
def stand(request: pytest.FixtureRequest) -> Stand:
    chosen: Stand = request.getfixturevalue(f"{request.param}_stand")
    return chosen


def a_counter(budget: Budget = BUDGET) -> Counter:
    return Counter(f"account:{uuid4().hex}", budget)


async def test_after_so_many_wrong_passwords_it_is_locked_until_there_is_one_more(stand: Stand) -> None:
    counter = a_counter()
    answers = [(await stand.guess(counter))[0] for _ in range(3)]
    answer, milliseconds = await stand.guess(counter)

    assert answers == [ReservationResult.RESERVED] * 3
    assert answer is ReservationResult.LOCKED
    assert 59_000 < milliseconds <= 60_001


async def test_a_budget_slides(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(3):
        await stand.guess(counter)
    for _ in range(5):
        await stand.wait(MINUTE + timedelta(seconds=1))
        assert (await stand.guess(counter))[0] is ReservationResult.RESERVED
        answer, milliseconds = await stand.guess(counter)

        assert answer is ReservationResult.LOCKED
        assert milliseconds == pytest.approx(59_000, abs=6_000)


async def test_a_budget_is_full_again_in_time_and_not_fuller(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(3):
        await stand.guess(counter)
    await stand.wait(60 * MINUTE)
    answers = [(await stand.guess(counter))[0] for _ in range(4)]

    assert answers == [ReservationResult.RESERVED] * 3 + [ReservationResult.LOCKED]


@pytest.mark.parametrize("outcome", [Outcome.RIGHT, Outcome.UNCHECKED])
async def test_only_a_wrong_password_costs_anything(stand: Stand, outcome: Outcome) -> None:
    counter, crowd = a_counter(), a_counter()
    for _ in range(10):
        assert (await stand.guess(counter, crowd, outcome=outcome))[0] is ReservationResult.RESERVED
    for _ in range(3):
        assert (await stand.guess(counter, crowd))[0] is ReservationResult.RESERVED
    assert await stand.answer(counter) is ReservationResult.LOCKED


async def test_parallel_attempts_count_before_they_are_known_to_be_wrong(stand: Stand) -> None:
    counters = Counters(a_counter())
    answers = await asyncio.gather(*(stand.counters.reserve(uuid4().hex, counters) for _ in range(20)))

    assert sorted(answer.name for answer, _ in answers) == ["BUSY"] * 17 + ["RESERVED"] * 3


async def test_parallel_attempts_of_a_crowd_are_not_in_each_others_way(stand: Stand) -> None:
    crowd = a_counter()
    reserving = (stand.counters.reserve(uuid4().hex, Counters(a_counter(), [crowd])) for _ in range(20))

    assert {answer for answer, _ in await asyncio.gather(*reserving)} == {ReservationResult.RESERVED}


async def test_who_asks_for_the_same_place_again_has_it_once(stand: Stand) -> None:
    """The answer may have been lost."""
    counter = a_counter()
    names = [uuid4().hex for _ in range(3)]
    answers = [(await stand.counters.reserve(each, Counters(counter)))[0] for each in (*names, *names)]

    assert answers == [ReservationResult.RESERVED] * 6
    assert await stand.answer(counter) is ReservationResult.BUSY


async def test_the_reservation_of_a_worker_that_died_is_given_back(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(3):
        await stand.counters.reserve(uuid4().hex, Counters(counter))
    assert await stand.answer(counter) is ReservationResult.BUSY
    await stand.wait(RESERVATION_TTL + timedelta(seconds=1))

    assert await stand.answer(counter) is ReservationResult.RESERVED


async def test_in_a_crowd_that_guesses_each_account_has_one_wrong_password(stand: Stand) -> None:
    crowd = a_counter()
    for _ in range(3):
        await stand.guess(a_counter(), crowd)
    counter = a_counter()

    assert (
        await stand.answer(counter, crowd) is ReservationResult.RESERVED
    )  # nobody is refused for the crowd alone
    assert (await stand.guess(counter, crowd))[0] is ReservationResult.RESERVED
    assert await stand.answer(counter, crowd) is ReservationResult.LOCKED
    assert await stand.answer(counter) is ReservationResult.RESERVED  # from elsewhere it has two more


async def test_a_crowd_slides_too(stand: Stand) -> None:
    crowd, counter = a_counter(), a_counter()
    for _ in range(3):
        await stand.guess(a_counter(), crowd)
    await stand.guess(counter, crowd)
    await stand.wait(MINUTE + timedelta(seconds=1))

    assert await stand.answer(counter, crowd) is ReservationResult.RESERVED


async def test_more_than_the_budget_is_not_owed(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(50):
        await stand.counters.settle(uuid4().hex, Counters(counter), Outcome.WRONG)
    await stand.wait(MINUTE + timedelta(seconds=1))

    assert await stand.answer(counter) is ReservationResult.RESERVED


async def test_a_wrong_password_counts_once_where_the_client_says_it_again(redis_stand: Stand) -> None:
    """The answer to a script may be lost."""
    counter, crowd = a_counter(), a_counter()
    for _ in range(2):
        name = uuid4().hex
        for _ in range(3):
            await redis_stand.counters.settle(name, Counters(counter, [crowd]), Outcome.WRONG)

    assert await redis_stand.answer(counter) is ReservationResult.RESERVED
    assert await redis_stand.answer(a_counter(), crowd) is ReservationResult.RESERVED
    assert (await redis_stand.guess(counter, crowd))[0] is ReservationResult.RESERVED
    assert await redis_stand.answer(counter) is ReservationResult.LOCKED


async def test_while_redis_is_away_this_process_counts() -> None:
    redis = open_redis(f"redis://127.0.0.1:{closed_port()}/0")

    async def never(_: timedelta) -> None:
        raise NotImplementedError  # nothing here waits: fails the test if it did

    stand, counter = Stand(RedisAttempts(redis, MemoryAttempts()), never), a_counter()
    answers = [(await stand.guess(counter))[0] for _ in range(4)]
    await redis.aclose()

    assert answers == [ReservationResult.RESERVED] * 3 + [ReservationResult.LOCKED]


async def test_what_was_counted_is_forgotten_of_one_counter_alone(stand: Stand) -> None:
    mine, others = Counter(uuid4().hex, BUDGET), Counter(uuid4().hex, BUDGET)
    for each in (mine, others):
        for _ in range(BUDGET.burst):
            await stand.guess(each)
    await stand.counters.reset(Counters(mine))

    assert await stand.answer(mine) is ReservationResult.RESERVED
    assert await stand.answer(others) is ReservationResult.LOCKED
