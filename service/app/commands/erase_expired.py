"""Erase what was deleted so long ago that it can't be restored any more."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from service.app.clock import Clock
from service.app.commands.erase_post import ErasePostHandler
from service.app.commands.erase_profile import EraseProfileHandler
from service.app.idempotency import Aggregate
from service.domain.errors import StaleVersion

_BATCH: Final = 100

Guard = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class EraseExpiredHandler:
    """Erases what was deleted longer ago than the retention time.

    Attributes:
        each: What each of them is erased inside, so that one that can't be does not keep the others.

    """

    erase_profile: EraseProfileHandler
    erase_post: ErasePostHandler
    clock: Clock
    retention: timedelta
    each: Guard = nullcontext

    async def handle(self) -> None:
        """Erase what is due, or so many of very many; what can't be erased is passed over."""
        await self._erase(self.erase_profile.profiles.deleted_before, self.erase_profile.erase)
        await self._erase(self.erase_post.posts.deleted_before, self.erase_post.erase)

    async def _erase(
        self,
        deleted_before: Callable[..., Awaitable[Sequence[Aggregate]]],
        erase: Callable[[Aggregate], Awaitable[Aggregate]],
    ) -> None:
        moment, erased, passed_over = self.clock.now() - self.retention, 0, 0
        while erased < _BATCH and (due := await deleted_before(moment, _BATCH - erased, skip=passed_over)):
            for aggregate in due:
                passed_over += 1
                with self.each(), suppress(StaleVersion):  # it was restored, or another worker was faster
                    await erase(aggregate)
                    passed_over, erased = passed_over - 1, erased + 1
