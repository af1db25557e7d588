import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from datetime import timedelta
from typing import Any

import pytest
import structlog

from service.pkg import background as module
from service.pkg.background import MAX_FAILURES, Background

Entries = list[MutableMapping[str, Any]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no pauses."""
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def logged() -> Iterator[Entries]:
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
def given_up() -> list[str]:
    return []


@pytest.fixture
def background(given_up: list[str]) -> Background:
    return Background(given_up.append)


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until *condition* says so."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise TimeoutError


class Loop:
    """Ends in some ways, one after the other, and then goes on."""

    def __init__(self, *ends: BaseException | None) -> None:
        self.ends = list(ends)
        self.begun = 0

    async def work(self) -> None:
        self.begun += 1
        if self.ends:
            if end := self.ends.pop(0):
                raise end
            return
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("end", "name"),
    [
        (RuntimeError("who is ada@example.org?"), "RuntimeError"),
        (KeyError("outbox"), "KeyError"),
        (asyncio.CancelledError(), "EndedByItself"),
        (None, "EndedByItself"),
    ],
)
async def test_a_loop_that_ends_begins_anew_and_operators_see_it(
    background: Background, logged: Entries, end: BaseException | None, name: str
) -> None:
    loop = Loop(end)
    async with background.running("relay", loop.work):
        await until(lambda: loop.begun == 2)

        assert background.failing == {"relay": name}
        assert background.loops["relay"].failures == 1
    [entry] = logged
    assert (entry["event"], entry["loop"], entry["error_type"]) == ("loop failed", "relay", name)
    assert "ada@example.org" not in str(entry)


async def test_a_loop_that_has_gone_on_for_long_has_got_over_it(
    background: Background, logged: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STEADY_SECONDS", 0.0)
    loop = Loop(RuntimeError())
    async with background.running("relay", loop.work):
        await until(lambda: loop.begun == 2 and not background.failing)

    assert background.loops["relay"].failures == len(logged) == 1


async def test_a_loop_that_cannot_go_on_ends_the_process(
    background: Background, logged: Entries, given_up: list[str]
) -> None:
    loop = Loop(*[RuntimeError() for _ in range(100)])
    async with background.running("relay", loop.work):
        await until(lambda: given_up)

    assert given_up == ["relay"]
    assert loop.begun == len(logged) == MAX_FAILURES


async def test_the_end_of_the_block_is_the_end_of_the_loop(background: Background) -> None:
    loop = Loop()
    async with background.running("relay", loop.work):
        await until(lambda: loop.begun)

    assert not background.failing


async def test_work_is_done_again_and_again_until_the_end_of_the_block(background: Background) -> None:
    done: list[None] = []

    async def work() -> None:
        done.append(None)

    async with background.periodic("keys", work, timedelta()):
        await until(lambda: len(done) == 3)
    for _ in range(5):
        await asyncio.sleep(0)

    assert len(done) == 3


async def test_an_error_that_passes_is_logged_and_tried_again(
    background: Background, logged: Entries
) -> None:
    loop = Loop(ConnectionError(), None)
    async with background.periodic("keys", loop.work, timedelta(), transient=(ConnectionError,)):
        await until(lambda: loop.begun == 3)

    assert [each["event"] for each in logged] == ["tried in vain"]
    assert background.loops["keys"].failures == 0


async def test_an_error_that_does_not_pass_is_tried_again_too_and_seen(
    background: Background, logged: Entries
) -> None:
    loop = Loop(ZeroDivisionError(), None)
    async with background.periodic("keys", loop.work, timedelta(), transient=(ConnectionError,)):
        await until(lambda: loop.begun == 3)

        assert not background.failing  # it went well once
    assert [each["error_type"] for each in logged] == ["ZeroDivisionError"]
    assert background.loops["keys"].failures == 1


async def test_a_driver_that_swallows_the_cancellation_does_not_keep_it_alive(background: Background) -> None:
    waiting = asyncio.Event()

    async def work() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    async with background.periodic("keys", work, timedelta(), transient=(ConnectionError,)):
        await asyncio.wait_for(waiting.wait(), 5)

    assert waiting.is_set()


def test_an_item_is_left_aside_and_counted(background: Background, logged: Entries) -> None:
    for item in (1, 0, 2):
        with background.skipping("retention"):
            assert 1 / item

    assert background.loops["retention"].skipped == 1
    assert [(each["event"], each["error_type"]) for each in logged] == [("item skipped", "ZeroDivisionError")]


def test_what_has_nothing_to_do_with_the_item_is_raised(background: Background) -> None:
    with (
        pytest.raises(ConnectionError),
        background.skipping("retention", transient=(ConnectionError,)),
    ):
        raise ConnectionError

    assert not background.loops
