import asyncio
from datetime import timedelta

import structlog

from service.pkg.repeating import repeated


async def test_work_is_done_again_and_again_until_the_end_of_the_block() -> None:
    done: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> None:
        done.put_nowait(done.qsize())

    async with repeated(work, timedelta(), passing=()):
        for _ in range(3):
            await asyncio.wait_for(done.get(), 5)
    so_far = done.qsize()
    for _ in range(5):
        await asyncio.sleep(0)

    assert done.qsize() == so_far


async def test_an_error_that_passes_is_logged_and_tried_again() -> None:
    tries, good = 0, asyncio.Event()

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError
        good.set()

    with structlog.testing.capture_logs() as entries:
        async with repeated(work, timedelta(), passing=(ConnectionError,)):
            await asyncio.wait_for(good.wait(), 5)

    assert [each["error_type"] for each in entries] == ["ConnectionError"]


async def test_a_driver_that_swallows_the_cancellation_does_not_keep_it_alive() -> None:
    waiting = asyncio.Event()

    async def work() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    async with repeated(work, timedelta(), passing=(ConnectionError,)):
        await asyncio.wait_for(waiting.wait(), 5)

    assert waiting.is_set()
