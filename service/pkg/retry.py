"""Waiting for what is not there yet."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0

_log = structlog.get_logger("profile.retry")


@dataclass(frozen=True, slots=True)
class TransientErrors:
    """Which errors may pass: these, *permanent* not those, which are special cases of them."""

    errors: tuple[type[Exception], ...]
    permanent: tuple[type[Exception], ...] = ()


async def retry_until(
    seconds: float, attempt: Callable[[], Awaitable[None]], transient: TransientErrors
) -> None:
    """Try until it works: after longer and longer pauses, and for so many *seconds*.

    After an error that is *transient* it is tried again, unless the time is over; any other one is raised.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + seconds, _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except transient.permanent:
            raise
        except transient.errors as error:
            # By chance a little longer or shorter, so that many workers do not come all at once.
            length = pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            if loop.time() + length > deadline:
                raise
            _log.warning("waiting", error_type=type(error).__name__, seconds=round(length, 2))
        await asyncio.sleep(length)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
