import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from service.app.auth.throttle import RESERVED, Answer, AttemptCounters, Budget, Counter, Outcome, locked_for
from service.infrastructure.memory.attempts import MemoryAttempts
from service.infrastructure.redis.attempts import RedisAttempts
from service.infrastructure.redis.client import open_redis
from tests.fakes.clock import FakeClock
from tests.ports.conftest import closed_port
from tools.servers.sandbox import Sandbox

MINUTE = timedelta(minutes=1)
BUDGET = Budget(3, MINUTE, 5 * MINUTE, 60 * MINUTE)


@dataclass(frozen=True, slots=True)
class Stand:
    """Counters, and a way to let time pass for them."""

    counters: AttemptCounters
    wait: Callable[[timedelta], Awaitable[None]]

    async def guess(self, *counters: Counter, outcome: Outcome = Outcome.WRONG) -> tuple[Answer, int]:
        """Make an attempt that comes out like that, if it may be made."""
        name = uuid4().hex
        answer = await self.counters.reserve(name, counters)
        if answer[0] is Answer.RESERVED:
            await self.counters.settle(name, counters, outcome)
        return answer

    async def answer(self, *counters: Counter) -> Answer:
        """Return what an attempt is answered, without making one."""
        return (await self.guess(*counters, outcome=Outcome.NOT_LOOKED_AT))[0]


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
            if key.startswith(b"reserved"):
                stored: Any = await redis.zrange(key, 0, -1, withscores=True)
                for member, score in stored:
                    await redis.zadd(key, {member: score - milliseconds})
            elif await redis.hexists(key, "locked_until"):
                await redis.hincrby(key, "locked_until", -milliseconds)

    return Stand(RedisAttempts(redis, MemoryAttempts()), wait)


@pytest.fixture(params=["memory", "redis"])
def stand(request: pytest.FixtureRequest) -> Stand:
    chosen: Stand = request.getfixturevalue(f"{request.param}_stand")
    return chosen


def a_counter(budget: Budget = BUDGET, *, is_reset: bool = False) -> Counter:
    return Counter(f"account:{uuid4().hex}", budget, is_reset)


async def test_after_so_many_wrong_passwords_it_is_locked(stand: Stand) -> None:
    counter = a_counter()
    answers = [(await stand.guess(counter))[0] for _ in range(3)]
    answer, milliseconds = await stand.guess(counter)

    assert answers == [Answer.RESERVED] * 3
    assert answer is Answer.LOCKED
    assert 59_000 < milliseconds <= 60_001


async def test_each_further_wrong_password_doubles_the_lock_up_to_the_longest(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(2):
        await stand.guess(counter)
    for minutes in (1, 2, 4, 5, 5):
        assert (await stand.guess(counter))[0] is Answer.RESERVED
        answer, milliseconds = await stand.guess(counter)

        assert answer is Answer.LOCKED
        assert milliseconds == pytest.approx(minutes * 60_000, abs=2_000)
        await stand.wait(timedelta(minutes=minutes, seconds=1))


async def test_a_counter_is_locked_for_longer_than_it_remembers(stand: Stand) -> None:
    counter = a_counter(Budget(1, 5 * MINUTE, 5 * MINUTE, MINUTE))
    await stand.guess(counter)
    await stand.wait(4 * MINUTE)

    assert await stand.answer(counter) is Answer.LOCKED


async def test_wrong_passwords_are_forgotten_in_time(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(2):
        await stand.guess(counter)
    await stand.wait(61 * MINUTE)
    answers = [(await stand.guess(counter))[0] for _ in range(4)]

    assert answers == [Answer.RESERVED] * 3 + [Answer.LOCKED]


async def test_looking_on_does_not_keep_a_wrong_password_in_mind(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(2):
        await stand.guess(counter)
    for _ in range(2):
        await stand.wait(31 * MINUTE)
        await stand.guess(counter, outcome=Outcome.RIGHT)
    answers = [(await stand.guess(counter))[0] for _ in range(4)]

    assert answers == [Answer.RESERVED] * 3 + [Answer.LOCKED]


async def test_a_right_password_resets_the_account_but_not_address_and_service(stand: Stand) -> None:
    account, address = a_counter(is_reset=True), a_counter()
    for _ in range(2):
        await stand.guess(account, address)
    await stand.guess(account, address, outcome=Outcome.RIGHT)
    await stand.guess(account, address)

    assert await stand.answer(account) is Answer.RESERVED
    assert await stand.answer(address) is Answer.LOCKED


async def test_what_was_not_looked_at_changes_nothing(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(10):
        assert (await stand.guess(counter, outcome=Outcome.NOT_LOOKED_AT))[0] is Answer.RESERVED
    for _ in range(3):
        assert (await stand.guess(counter))[0] is Answer.RESERVED
    assert await stand.answer(counter) is Answer.LOCKED


async def test_parallel_attempts_count_before_they_are_known_to_be_wrong(stand: Stand) -> None:
    counter = a_counter()
    answers = await asyncio.gather(*(stand.counters.reserve(uuid4().hex, [counter]) for _ in range(20)))

    assert sorted(answer.name for answer, _ in answers) == ["BUSY"] * 17 + ["RESERVED"] * 3


async def test_once_it_was_locked_it_gives_one_try_at_a_time(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(3):
        await stand.guess(counter)
    await stand.wait(MINUTE + timedelta(seconds=1))
    answers = [(await stand.counters.reserve(uuid4().hex, [counter]))[0] for _ in range(2)]

    assert answers == [Answer.RESERVED, Answer.BUSY]


async def test_the_reservation_of_a_worker_that_died_is_given_back(stand: Stand) -> None:
    counter = a_counter()
    for _ in range(3):
        await stand.counters.reserve(uuid4().hex, [counter])
    assert await stand.answer(counter) is Answer.BUSY
    await stand.wait(RESERVED + timedelta(seconds=1))

    assert await stand.answer(counter) is Answer.RESERVED


@pytest.mark.parametrize("state", [Answer.LOCKED, Answer.BUSY])
async def test_all_counters_reserve_or_none(stand: Stand, state: Answer) -> None:
    full, free = a_counter(), a_counter(Budget(1, MINUTE, MINUTE, MINUTE))
    for _ in range(3):
        if state is Answer.LOCKED:
            await stand.guess(full)
        else:
            await stand.counters.reserve(uuid4().hex, [full])

    assert await stand.answer(free, full) is state
    assert await stand.answer(free) is Answer.RESERVED


async def test_the_longest_of_several_locks_is_told_or_one_of_them(stand: Stand) -> None:
    counters = [a_counter(), a_counter()]
    for _ in range(3):
        await stand.guess(counters[1])

    assert await stand.answer(*counters) is Answer.LOCKED


async def test_while_redis_is_away_this_process_counts() -> None:
    redis = open_redis(f"redis://127.0.0.1:{closed_port()}/0")

    async def never(_: timedelta) -> None:
        raise NotImplementedError  # nothing here waits: fails the test if it did

    stand, counter = Stand(RedisAttempts(redis, MemoryAttempts()), never), a_counter()
    answers = [(await stand.guess(counter))[0] for _ in range(4)]
    await redis.aclose()

    assert answers == [Answer.RESERVED] * 3 + [Answer.LOCKED]


@pytest.mark.parametrize(("wrong", "minutes"), [(0, 0), (2, 0), (3, 1), (4, 2), (5, 4), (6, 5), (10**6, 5)])
def test_locks_grow_as_the_budget_says(wrong: int, minutes: int) -> None:
    assert locked_for(BUDGET, wrong) == timedelta(minutes=minutes)
