import asyncio
from collections.abc import Callable, Iterator

import pytest
import structlog

from service.domain.errors import NotFound, Unavailable
from service.infrastructure.inputports import outage as module
from service.infrastructure.inputports.deadlines import OutOfTime
from service.infrastructure.inputports.outage import Outage
from service.pkg.background import run_in_background
from tests.fakes.consumers import FakeConsumers

WAITING = ("profile.update", "profile.followup")
FAILURES = 5


class Database:
    """A database that is there or not."""

    def __init__(self) -> None:
        self.there = False
        self.asked = 0

    async def is_there(self) -> bool:
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


def fail(outage: Outage, times: int) -> None:
    for _ in range(times):
        outage.note(Unavailable())


async def test_after_some_failures_the_database_is_asked_and_commands_wait() -> None:
    database, consumers = Database(), FakeConsumers()
    outage = Outage(database.is_there, consumers, WAITING)
    async with run_in_background(outage.watch()):
        fail(outage, FAILURES)
        await until(lambda: outage.is_on and consumers.paused)

        assert consumers.paused == set(WAITING)
        database.there = True
        await until(lambda: not outage.is_on)
        assert consumers.paused == set()


async def test_requests_whose_time_is_over_are_a_reason_to_ask_too() -> None:
    database = Database()
    outage = Outage(database.is_there, FakeConsumers(), WAITING)
    async with run_in_background(outage.watch()):
        for _ in range(FAILURES):
            outage.note(OutOfTime())
        await until(lambda: outage.is_on)

    assert database.asked


async def test_a_watch_that_begins_anew_ends_the_outage_that_it_was_in() -> None:
    database, consumers = Database(), FakeConsumers(down=ZeroDivisionError())
    outage = Outage(database.is_there, consumers, WAITING)
    fail(outage, FAILURES)
    with pytest.raises(ZeroDivisionError):
        await outage.watch()
    consumers.down, database.there = None, True
    async with run_in_background(outage.watch()):
        await until(lambda: not outage.is_on)

    assert consumers.paused == set()


async def test_a_few_failures_are_none() -> None:
    database = Database()
    outage = Outage(database.is_there, FakeConsumers(), WAITING)
    async with run_in_background(outage.watch()):
        fail(outage, FAILURES - 1)
        for error in (None, NotFound(), ValueError()):
            outage.note(error)
        for _ in range(20):
            await asyncio.sleep(0)

    assert database.asked == 0


async def test_failures_of_something_else_pause_nothing() -> None:
    database, consumers = Database(), FakeConsumers()
    database.there = True
    outage = Outage(database.is_there, consumers, WAITING)
    async with run_in_background(outage.watch()):
        fail(outage, FAILURES)
        await until(lambda: database.asked)
        fail(outage, FAILURES)
        await until(lambda: database.asked == 2)

    assert not outage.is_on
    assert consumers.paused == set()


async def test_with_the_broker_away_too_it_tries_until_both_are_back() -> None:
    database, consumers = Database(), FakeConsumers(down=ConnectionError())
    outage = Outage(database.is_there, consumers, WAITING)
    async with run_in_background(outage.watch()):
        fail(outage, FAILURES)
        await until(lambda: database.asked > 3)
        database.there = True
        await until(lambda: database.asked > 6)

        assert outage.is_on
        consumers.down = None
        await until(lambda: not outage.is_on)


def test_a_request_leaves_some_of_its_time_for_the_answer() -> None:
    outage = Outage(Database().is_there, FakeConsumers(), WAITING)

    assert outage.patience(10.0) == pytest.approx(9.0)
    outage.is_on = True
    assert outage.patience(10.0) == pytest.approx(0.1)
    assert outage.patience(0.01) == pytest.approx(0.009)
