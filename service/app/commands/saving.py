"""Change a thing that others may be changing too."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar
from uuid import UUID

from service.domain.changes import StaleVersion
from service.domain.errors import Conflict
from service.domain.post_repository import PostRepository
from service.domain.posts import Post
from service.domain.profile_repository import ProfileRepository
from service.domain.profiles import Profile

_ATTEMPTS: Final = 10


class TooManyWriters(Conflict):
    """Too many changes to this at once."""

    retryable = True


class Versioned(Protocol):
    """A thing of which each change makes the next version."""

    @property
    def version(self) -> int:
        """The number of the version."""


Thing = TypeVar("Thing", bound=Versioned)


async def change_profile(
    profiles: ProfileRepository,
    profile_id: UUID,
    expected_version: int | None,
    decide: Callable[[Profile], Profile],
) -> tuple[Profile, Profile]:
    """Change a profile as *decide* says; return it as it was and as it is.

    Raises:
        ProfileNotFound
        LastAdmin: Nobody could administrate after that.
        StaleVersion, TooManyWriters

    """

    async def save(before: Profile, after: Profile) -> None:
        await profiles.save(after, keeps_admin=before.may_administrate and not after.may_administrate)

    return await _change(lambda: profiles.get(profile_id), save, expected_version, decide)


async def change_post(
    posts: PostRepository, post_id: UUID, expected_version: int | None, decide: Callable[[Post], Post]
) -> Post:
    """Change a post as *decide* says; return it as it is.

    Raises:
        PostNotFound, StaleVersion, TooManyWriters

    """

    async def save(_before: Post, after: Post) -> None:
        await posts.save(after)

    _, after = await _change(lambda: posts.get(post_id), save, expected_version, decide)
    return after


async def _change(
    load: Callable[[], Awaitable[Thing]],
    save: Callable[[Thing, Thing], Awaitable[None]],
    expected_version: int | None,
    decide: Callable[[Thing], Thing],
) -> tuple[Thing, Thing]:
    """Load a thing, let *decide* make the next one of it, store that, and return both.

    Whoever names no *expected_version* does not care what came between, so it is tried again.

    Raises:
        StaleVersion: The thing is not at *expected_version*.
        TooManyWriters: Others were faster every time.

    """
    for _ in range(_ATTEMPTS):
        before = await load()
        after = decide(before)  # first, because it knows who may hear that the version is stale
        if expected_version not in (None, before.version):
            raise StaleVersion
        if after is before:
            return before, before
        try:
            await save(before, after)
        except StaleVersion:
            continue
        return before, after
    raise TooManyWriters
