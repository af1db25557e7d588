"""How late the event loop is: everything that waits for its turn is as late."""

import asyncio
from collections.abc import Callable
from typing import Final

from service.pkg.background import is_cancelled

# How often to look.
_PAUSE_SECONDS: Final = 0.25


async def measure_lag(observe: Callable[[float], None]) -> None:
    """Tell *observe*, for ever, how many seconds later than wanted this was called back."""
    now = asyncio.get_running_loop().time
    while not is_cancelled():
        wanted = now() + _PAUSE_SECONDS
        await asyncio.sleep(_PAUSE_SECONDS)
        observe(max(0.0, now() - wanted))
