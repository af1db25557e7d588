import asyncio
from collections.abc import Callable, Iterator

import pytest
import structlog

from service.app.auth.throttle import AttemptsInFlight
from service.domain.errors import NotFound
from service.infrastructure.inputports.amqp.deadlines import OutOfTime, ServiceTimeout
from service.infrastructure.inputports.amqp.stages import circuit_breaker as module
from service.infrastructure.inputports.amqp.stages.circuit_breaker import CircuitBreaker
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.security.passwords import Overloaded
from service.pkg.background import run_in_background
from tests.fakes.consumers import FakeConsumers

WAITING = ("profile.update", "profile.followup")
FAILURES = 5


class Database:
    """A database that is there or not."""

    def __init__(self) -> None:
        self.there = False
        self.asked = 0

    async def is_available(self) -> bool:
        self.asked += 1
        return self.there


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let it ask again without a pause, and log to nowhere."""
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)
    with structlog.testing.capture_logs():
        yield


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until *condition* says so."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise TimeoutError


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.record(DatabaseUnavailable())


async def test_after_some_failures_the_database_is_asked_and_commands_wait() -> None:
    database, consumers = Database(), FakeConsumers()
    breaker = CircuitBreaker(DatabaseUnavailable, database.is_available, consumers, WAITING)
    async with run_in_background(breaker.monitor()):
        fail(breaker, FAILURES)
        await until(lambda: breaker.is_open and consumers.paused)

        assert consumers.paused == set(WAITING)
        database.there = True
        await until(lambda: not breaker.is_open)
        assert consumers.paused == set()


@pytest.mark.parametrize("error", [OutOfTime(), ServiceTimeout()])
async def test_requests_whose_time_is_over_are_a_reason_to_ask_too(error: Exception) -> None:
    database = Database()
    breaker = CircuitBreaker(DatabaseUnavailable, database.is_available, FakeConsumers(), WAITING)
    async with run_in_background(breaker.monitor()):
        for _ in range(FAILURES):
            breaker.record(error)
        await until(lambda: breaker.is_open)

    assert database.asked


async def test_a_watch_that_begins_anew_ends_the_outage_that_it_was_in() -> None:
    database, consumers = Database(), FakeConsumers(down=ZeroDivisionError())
    breaker = CircuitBreaker(DatabaseUnavailable, database.is_available, consumers, WAITING)
    fail(breaker, FAILURES)
    with pytest.raises(ZeroDivisionError):
        await breaker.monitor()
    consumers.down, database.there = None, True
    async with run_in_background(breaker.monitor()):
        await until(lambda: not breaker.is_open)

    assert consumers.paused == set()


async def test_a_few_failures_are_none_nor_is_too_much_work() -> None:
    database = Database()
    breaker = CircuitBreaker(DatabaseUnavailable, database.is_available, FakeConsumers(), WAITING)
    async with run_in_background(breaker.monitor()):
        fail(breaker, FAILURES - 1)
        for error in (NotFound(), ValueError(), AttemptsInFlight(), Overloaded()):
            for _ in range(FAILURES):
                breaker.record(error)
        for _ in range(20):
            await asyncio.sleep(0)

    assert database.asked == 0


async def test_failures_of_something_else_pause_nothing() -> None:
    database, consumers = Database(), FakeConsumers()
    database.there = True
    breaker = CircuitBreaker(DatabaseUnavailable, database.is_available, consumers, WAITING)
    async with run_in_background(breaker.monitor()):
        fail(breaker, FAILURES)
        await until(lambda: database.asked)
        fail(breaker, FAILURES)
        await until(lambda: database.asked == 2)

    assert not breaker.is_open
    assert consumers.paused == set()


async def test_with_the_broker_away_too_it_tries_until_both_are_back() -> None:
    database, consumers = Database(), FakeConsumers(down=ConnectionError())
    breaker = CircuitBreaker(DatabaseUnavailable, database.is_available, consumers, WAITING)
    async with run_in_background(breaker.monitor()):
        fail(breaker, FAILURES)
        await until(lambda: database.asked > 3)
        database.there = True
        await until(lambda: database.asked > 6)

        assert breaker.is_open
        consumers.down = None
        await until(lambda: not breaker.is_open)


def test_a_request_leaves_some_of_its_time_for_the_answer() -> None:
    breaker = CircuitBreaker(DatabaseUnavailable, Database().is_available, FakeConsumers(), WAITING)

    assert breaker.db_timeout(10.0) == pytest.approx(9.0)
    breaker.is_open = True
    assert breaker.db_timeout(10.0) == pytest.approx(0.1)
    assert breaker.db_timeout(0.01) == pytest.approx(0.009)
