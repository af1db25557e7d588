"""Events as they arrive: what the client gives, and its fake."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self

from profile_contracts.events import Event

OnGap = Callable[[], Awaitable[None]]

# How many ids of acknowledged events are kept: about a megabyte.
REMEMBERED: Final = 10_000


class EventFeed(Protocol):
    """Gives events, for `async for`. `profile_contracts.client.EventSubscriber` says all about it.

    Attributes:
        gaps: How many times events may have been missed.
        passed_over: How many events of unknown types or forms there were.

    """

    gaps: int
    passed_over: int

    @property
    def connected(self) -> bool:
        """Whether events arrive now."""

    async def wait_connected(self) -> None:
        """Wait until they do."""

    async def __aenter__(self) -> Self:
        """Return the feed."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Acknowledge the event that the loop was left with, unless an exception left it; end."""

    def __aiter__(self) -> AsyncIterator[Event[Any]]:
        """Yield events."""

    async def close(self) -> None:
        """End the loop."""
