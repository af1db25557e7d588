import asyncio
import os
import sys
import threading

import pytest

from service.pkg.hashing_pool import HashingPool, PoolFull
from tests.unit.pools import busy


@pytest.fixture
def pool() -> HashingPool:
    return HashingPool(threads=1, queue_size=1)


async def test_work_is_done_and_its_result_returned(pool: HashingPool) -> None:
    assert await pool.run(lambda: 6 * 7) == 42


async def test_work_runs_off_the_event_loop(pool: HashingPool) -> None:
    assert await pool.run(threading.get_ident) != threading.get_ident()


async def test_the_event_loop_goes_on_meanwhile(pool: HashingPool) -> None:
    async with busy(pool) as [working]:
        await asyncio.sleep(0)

        assert not working.done()


async def test_an_error_reaches_the_caller_and_frees_the_place(pool: HashingPool) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await pool.run(fail)


async def test_one_call_more_than_may_wait_is_refused(pool: HashingPool) -> None:
    async with busy(pool, calls=2):
        assert pool.is_full
        with pytest.raises(PoolFull):
            await pool.run(lambda: 1)

    assert not pool.is_full
    assert await pool.run(lambda: 1) == 1


async def test_whoever_stops_waiting_gives_the_place_back_unless_the_work_is_being_done(
    pool: HashingPool,
) -> None:
    async with busy(pool, calls=2) as tasks:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert all(task.cancelled() for task in tasks)
        given_back = asyncio.create_task(pool.run(lambda: 1))
        await asyncio.sleep(0)
        with pytest.raises(PoolFull):
            await pool.run(lambda: 1)
    assert await given_back == 1


async def test_no_more_threads_run_than_there_are() -> None:
    pool = HashingPool(threads=2, queue_size=20)
    names = await asyncio.gather(*(pool.run(lambda: threading.current_thread().name) for _ in range(20)))

    assert {name.rpartition("_")[0] for name in names} == {"hashing"}
    assert len(set(names)) <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux threads have priorities of their own")
async def test_its_threads_go_last_and_the_others_do_not(pool: HashingPool) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()

    assert await pool.run(niceness) == 19
    assert niceness() == before


async def test_closing_drops_what_waits_and_lets_the_rest_end(pool: HashingPool) -> None:
    async with busy(pool, calls=2) as [running, waiting]:
        pool.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert await running


async def test_busy_and_queued_calls_are_told_apart(pool: HashingPool) -> None:
    async with busy(pool, calls=2) as [_, queued]:
        assert (pool.busy, pool.queued) == (1, 1)
        queued.cancel()
        await asyncio.wait([queued])
        assert (pool.busy, pool.queued) == (1, 0)

    assert (pool.busy, pool.queued) == (0, 0)
