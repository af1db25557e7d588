import asyncio
import gc

import pytest
import structlog

from service.pkg.detached import DetachedCalls, TooManyAbandoned


class Driver:
    """Answers when it is let, and notices whether it was cancelled."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.answers = asyncio.Event()
        self.done = 0
        self.cancelled = 0

    async def call(self) -> int:
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.done += 1
        if self.error:
            raise self.error
        return 42

    async def ends(self) -> None:
        """Let all calls answer, and wait until they have."""
        self.answers.set()
        for _ in range(5):
            await asyncio.sleep(0)


async def abandon(calls: DetachedCalls, driver: Driver) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await calls.run(driver.call())


async def test_a_call_that_is_waited_for_gives_what_the_driver_gives() -> None:
    driver, calls = Driver(), DetachedCalls("driver")
    driver.answers.set()

    assert await calls.run(driver.call()) == 42
    assert (calls.abandoned, calls.running) == (0, 0)


async def test_an_error_of_the_driver_reaches_whoever_waits() -> None:
    driver = Driver(ConnectionError())
    driver.answers.set()
    with pytest.raises(ConnectionError):
        await DetachedCalls("driver").run(driver.call())


@pytest.mark.parametrize("error", [None, ConnectionError()])
async def test_whoever_is_cancelled_leaves_the_call_running(error: Exception | None) -> None:
    driver, calls = Driver(error), DetachedCalls("driver")
    await abandon(calls, driver)
    left = calls.running
    await driver.ends()
    gc.collect()  # a result that nobody took would be complained of here

    assert (driver.cancelled, driver.done) == (0, 1)
    assert (calls.abandoned, left, calls.running) == (1, 1, 0)


async def test_a_driver_that_cancels_its_own_call_cancels_whoever_waits() -> None:
    """So does aiormq when a connection breaks; whoever waits tells that from a cancellation of ours."""

    async def cancelled() -> None:
        raise asyncio.CancelledError

    calls = DetachedCalls("driver")
    with pytest.raises(asyncio.CancelledError):
        await calls.run(cancelled())

    assert calls.abandoned == 0


async def test_while_too_many_run_on_no_more_are_begun() -> None:
    driver, calls = Driver(), DetachedCalls("driver", limit=2)
    with structlog.testing.capture_logs() as entries:
        for _ in range(2):
            await abandon(calls, driver)
    for _ in range(3):
        with pytest.raises(TooManyAbandoned):
            await calls.run(driver.call())
    await driver.ends()

    assert [each["event"] for each in entries] == ["driver does not come back"]
    assert driver.done == 2
    assert await calls.run(driver.call()) == 42
