import asyncio
import time

import pytest

from service.pkg import loop_lag
from service.pkg.background import run_in_background
from service.pkg.loop_lag import measure_lag


async def test_a_loop_that_is_held_up_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "_PAUSE_SECONDS", 0.001)
    lags: list[float] = []
    seen = asyncio.Event()

    def observe(lag: float) -> None:
        lags.append(lag)
        seen.set()

    async with run_in_background(measure_lag(observe)), asyncio.timeout(5):
        await asyncio.sleep(0)
        began = time.perf_counter()
        sum(range(1_000_000))
        took = time.perf_counter() - began
        await seen.wait()

    assert lags[0] >= took / 2
