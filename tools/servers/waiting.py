"""Waiting for a condition, never for a length of time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(look: Callable[[], Found | None], *, within: float, every: float = 0.05) -> Found:
    """Return the first truthy thing that *look* finds, or raise `TimeoutError` after *within* seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            sentence = f"not within {within:g} s"
            raise TimeoutError(sentence)
        time.sleep(every)  # between two looks at the condition
    return found
