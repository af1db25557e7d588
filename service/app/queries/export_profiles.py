"""Go through all users, with the hashes of their passwords: to take them elsewhere. For operators."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from service.domain.profile import Profile, ProfileFilter, ProfileRepository

_PAGE_SIZE: Final = 1000


@dataclass(frozen=True, slots=True)
class ExportProfilesHandler:
    """Gives all profiles but the deleted ones."""

    profiles: ProfileRepository

    async def handle(self) -> AsyncIterator[Profile]:
        """Yield each profile, the newest first; those that are made meanwhile are not among them."""
        filters, after = ProfileFilter(), None
        while page := await self.profiles.list(filters, after, _PAGE_SIZE):
            for profile in page:
                yield profile
            after = filters.position(page[-1])
