"""Several ways to the same end: the first one that succeeds is taken (RFC 8305, "Happy Eyeballs")."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

Attempt = Callable[[], Coroutine[Any, Any, T]]


async def first_success(attempts: Iterable[Attempt[T]], delay: float, discard: Callable[[T], None]) -> T:
    """Return what the first of *attempts* gives that succeeds; raise the last error if none does.

    The next one begins when one has failed, or when *delay* seconds have passed: a way that is slow is not
    given up, and one that is silent holds nobody up. What comes too late is handed to *discard*.
    """
    left, running = list(attempts), set[asyncio.Task[T]]()
    try:
        while True:
            if left:
                running.add(asyncio.create_task(left.pop(0)()))
            done, _ = await asyncio.wait(
                running, timeout=delay if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for each in done:
                running.remove(each)
                if not each.exception() or not (left or running):
                    return each.result()
    finally:
        for each in running:
            each.add_done_callback(lambda late: _discard(late, discard))
            each.cancel()


def _discard(late: asyncio.Task[T], discard: Callable[[T], None]) -> None:
    if not late.cancelled() and not late.exception():
        discard(late.result())
