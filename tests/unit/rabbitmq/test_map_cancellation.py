import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.infrastructure.rabbitmq.connection import map_cancellation


async def for_ever() -> None:
    await asyncio.Event().wait()


async def swallowed() -> None:
    """Take a cancellation for nothing, as aiormq does while it closes a channel."""
    try:
        await for_ever()
    except asyncio.CancelledError:
        return


async def turned_into_an_error() -> None:
    """Take a cancellation for an error, as aiormq does when a channel was just closed."""
    try:
        await for_ever()
    except asyncio.CancelledError:
        raise ZeroDivisionError from None


async def invented() -> None:
    """Cancel whoever waits, as aiormq does when the connection breaks."""
    raise asyncio.CancelledError


async def mapped(call: Callable[[], Awaitable[None]]) -> None:
    with map_cancellation():
        await call()


@pytest.mark.parametrize("call", [for_ever, swallowed, turned_into_an_error])
async def test_whoever_is_cancelled_is_cancelled_whatever_the_library_makes_of_it(
    call: Callable[[], Awaitable[None]],
) -> None:
    task = asyncio.create_task(mapped(call))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


async def test_whoever_is_not_cancelled_hears_that_the_connection_broke() -> None:
    with pytest.raises(ConnectionError):
        await mapped(invented)


@pytest.mark.parametrize("call", [for_ever, swallowed, turned_into_an_error])
async def test_a_time_that_is_over_is_a_timeout(call: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mapped(call)


async def test_other_errors_pass() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await mapped(fail)


async def test_a_time_limit_inside_is_none_of_its_business() -> None:
    with pytest.raises(TimeoutError), map_cancellation():
        async with asyncio.timeout(0):
            await for_ever()


async def test_what_is_done_because_of_a_cancellation_is_done_to_its_end() -> None:
    done = False

    async def work() -> None:
        nonlocal done
        try:
            await for_ever()
        finally:
            with map_cancellation():
                await asyncio.sleep(0)
            done = True

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert done
    assert task.cancelled()
