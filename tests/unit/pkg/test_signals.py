"""A process of its own each time, because it ends."""

import asyncio
import signal
import sys
import time

import pytest

FORCED = 3
WORK = """
import asyncio, sys, time
from service.pkg.signals import Termination

async def main():
    termination = Termination({seconds}, 3)
    termination.install()
    print("here", flush=True)
    done = await termination.unless_requested({work})
    print("done" if done else "asked", flush=True)
    await termination.requested.wait()
    {after}
    sys.exit(termination.code)

async def block():
    time.sleep(60)  # work that holds the event loop up

asyncio.run(main())
"""


async def run(work: str, after: str = "pass", seconds: float = 60) -> asyncio.subprocess.Process:
    script = WORK.format(work=work, after=after, seconds=seconds)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert await line(process) == "here"
    return process


async def line(process: asyncio.subprocess.Process) -> str:
    """Return what it says next."""
    assert process.stdout
    return (await asyncio.wait_for(process.stdout.readline(), 10)).decode().strip()


async def ends(process: asyncio.subprocess.Process) -> int:
    return await asyncio.wait_for(process.wait(), 10)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_work_in_order(by: signal.Signals) -> None:
    process = await run("asyncio.sleep(60)")
    process.send_signal(by)

    assert await line(process) == "asked"
    assert await ends(process) == 0


async def test_work_that_was_done_before_was_done() -> None:
    process = await run("asyncio.sleep(0)")

    assert await line(process) == "done"
    process.terminate()
    assert await ends(process) == 0


async def test_a_signal_to_a_process_that_is_done_does_not_change_its_exit_code() -> None:
    at_the_very_end = "import atexit, os; atexit.register(os.kill, os.getpid(), 15)"
    script = f"{at_the_very_end}\n{WORK.format(work='asyncio.sleep(60)', after='pass', seconds=60)}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert await line(process) == "here"
    process.terminate()

    assert await ends(process) == 0


async def test_a_second_signal_is_the_end_whatever_the_event_loop_does() -> None:
    # Many short ones: Python looks for signals between its own steps, and one may come right before a step.
    process = await run("asyncio.sleep(60)", after="[time.sleep(0.01) for _ in range(6_000)]")
    process.terminate()
    assert await line(process) == "asked"
    began = time.monotonic()
    process.terminate()

    assert await ends(process) == FORCED
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("after", ["time.sleep(60)", "await asyncio.sleep(60)"])
async def test_when_the_time_is_over_it_ends(after: str) -> None:
    process = await run("asyncio.sleep(60)", after=after, seconds=0.5)
    process.terminate()

    assert await ends(process) == FORCED


async def test_work_that_holds_the_event_loop_up_does_not_hold_up_the_end() -> None:
    process = await run("block()", seconds=0.5)
    process.terminate()

    assert await ends(process) == FORCED
