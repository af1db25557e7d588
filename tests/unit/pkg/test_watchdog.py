import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest
import structlog

from service.pkg import watchdog as module
from service.pkg.watchdog import MonitoredConnection, Watchdog

BUSY = """
import asyncio, time
from service.pkg.watchdog import watched_loop

async def main():
    with watched_loop(4, seconds=2):
        await asyncio.sleep(0.01)
        time.sleep({seconds})  # work that holds the event loop up

asyncio.run(main())
"""


class Server:
    """Is there or not; and so is our way to it."""

    def __init__(self, *, is_open: bool = True, could_be: bool = True) -> None:
        self.open = is_open
        self.could_be = could_be

    async def is_open(self) -> bool:
        return self.open

    async def could_be_open(self) -> bool:
        return self.could_be

    def watched(self, ended: list[None], limit: timedelta = timedelta()) -> Watchdog:
        way = MonitoredConnection("database", self.is_open, self.could_be_open)
        return Watchdog([way], lambda: ended.append(None), limit)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NOTICE_SECONDS", 0.0)


async def test_what_does_not_come_back_although_its_server_does_is_the_end() -> None:
    ended: list[None] = []
    watchdog = Server(is_open=False).watched(ended)
    with structlog.testing.capture_logs() as entries:
        await watchdog.look()

    assert watchdog.stuck == ("database",)
    assert len(ended) == 1
    assert entries[0]["connections"] == ("database",)


@pytest.mark.parametrize(("is_open", "could_be"), [(True, True), (True, False), (False, False)])
async def test_a_server_that_is_away_is_waited_for(*, is_open: bool, could_be: bool) -> None:
    ended: list[None] = []
    watchdog = Server(is_open=is_open, could_be=could_be).watched(ended)
    for _ in range(3):
        await watchdog.look()

    assert (watchdog.stuck, ended) == ((), [])


async def test_it_has_some_time_to_come_back() -> None:
    ended: list[None] = []
    server = Server(is_open=False)
    watchdog = server.watched(ended, timedelta(minutes=1))
    await watchdog.look()
    server.open = True
    await watchdog.look()
    watchdog.limit = timedelta()
    await watchdog.look()

    assert (watchdog.stuck, ended) == ((), [])


@pytest.mark.parametrize(("seconds", "code"), [(1, 0), (30, 4)])
async def test_an_event_loop_that_is_busy_for_too_long_is_the_end(seconds: int, code: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BUSY.format(seconds=seconds)), stderr=subprocess.DEVNULL
    )

    assert await asyncio.wait_for(process.wait(), 20) == code
