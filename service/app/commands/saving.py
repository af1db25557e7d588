"""Change a profile that others may be changing too."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from service.domain.errors import Conflict
from service.domain.profile_repository import ProfileRepository
from service.domain.profiles import Profile, StaleVersion

_ATTEMPTS: Final = 10


class TooManyWriters(Conflict):
    """Too many changes to this profile at once."""

    retryable = True


async def change(
    profiles: ProfileRepository,
    profile_id: UUID,
    expected_version: int | None,
    decide: Callable[[Profile], Profile],
) -> tuple[Profile, Profile]:
    """Load a profile, let *decide* make the next one of it, store that, and return both.

    Whoever names no *expected_version* does not care what came between, so it is tried again.

    Raises:
        ProfileNotFound
        LastAdmin: Nobody could administrate after that.
        StaleVersion: The profile is not at *expected_version*.
        TooManyWriters: Others were faster every time.

    """
    for _ in range(_ATTEMPTS):
        before = await profiles.get(profile_id)
        after = decide(before)  # first, because it knows who may hear that the version is stale
        if expected_version not in (None, before.version):
            raise StaleVersion
        if after is before:
            return before, before
        try:
            await profiles.save(after, keeps_admin=before.may_administrate and not after.may_administrate)
        except StaleVersion:
            continue
        return before, after
    raise TooManyWriters
