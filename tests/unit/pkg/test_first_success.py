"""Several ways to the same end, of which some fail and some say nothing."""

import asyncio
from functools import partial
from typing import Any

import pytest

from service.pkg.first_success import first_success

SOON, NEVER = 0.001, 60.0


async def gives(name: str) -> str:
    return name


async def fails(name: str) -> str:
    raise ConnectionRefusedError(name)


async def hangs(ended: list[str], name: str) -> str:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)
    return name


async def insists(release: asyncio.Event, name: str) -> str:
    """Succeed, though it is told not to."""
    try:
        await release.wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
    return name


async def test_what_fails_is_followed_by_the_next_at_once() -> None:
    assert await first_success([partial(fails, "a"), partial(gives, "b")], NEVER, print) == "b"


async def test_where_all_fail_the_last_error_comes_out() -> None:
    with pytest.raises(ConnectionRefusedError, match="b"):
        await first_success([partial(fails, "a"), partial(fails, "b")], NEVER, print)


async def test_what_is_silent_holds_nobody_up_and_is_ended() -> None:
    ended: list[str] = []

    assert await first_success([partial(hangs, ended, "a"), partial(gives, "b")], SOON, print) == "b"

    await asyncio.sleep(0)
    assert ended == ["a"]


async def test_what_is_slow_is_not_given_up() -> None:
    release = asyncio.Event()

    async def slow() -> str:
        await release.wait()
        return "a"

    async def then_fails() -> str:
        release.set()
        return await fails("b")

    assert await first_success([slow, then_fails], SOON, print) == "a"


async def test_what_comes_too_late_is_discarded() -> None:
    discarded: list[str] = []
    ways: list[Any] = [partial(insists, asyncio.Event(), "a"), partial(gives, "b")]

    assert await first_success(ways, SOON, discarded.append) == "b"

    for _ in range(5):
        await asyncio.sleep(0)
    assert discarded == ["a"]


async def test_whoever_gives_up_ends_all_attempts() -> None:
    ended, all_have_begun = list[str](), asyncio.Event()

    async def last() -> str:
        all_have_begun.set()
        return await hangs(ended, "b")

    waiting = asyncio.create_task(first_success([partial(hangs, ended, "a"), last], SOON, print))
    await all_have_begun.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0)

    assert waiting.cancelled()
    assert sorted(ended) == ["a", "b"]
