"""Change a thing that others may be changing too."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from service.domain.errors import AuthorizationChanged, Conflict, NotFound, StaleVersion
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.post import Post, PostRepository
from service.domain.profile import Profile, ProfileRepository

_ATTEMPTS: Final = 10


class TooManyWriters(Conflict):
    """Each attempt of an optimistic update lost against another one."""

    reason = "too_many_writers"
    message = "Too many changes to this at once."
    retryable = True


Aggregate = TypeVar("Aggregate", Profile, Post)


class _Outrun(Exception):
    """It has changed between reading and writing, or sessions of its user have ended."""


class Repository(Protocol[Aggregate]):
    """Where things live that can be changed."""

    async def get(self, thing_id: UUID, /) -> Aggregate:
        """Return a thing."""

    async def find_processed(self, thing_id: UUID, message_id: str, /) -> ProcessedCommand[Aggregate] | None:
        """Return what came of a command before."""

    async def record_processed(self, thing: Aggregate, /) -> None:
        """Note the command that left a thing as it was, or raise `StaleVersion`."""


async def no_standing(_thing: Profile | Post) -> None:
    """Let the write rest on nothing."""


@dataclass(frozen=True, slots=True)
class Change(Generic[Aggregate]):
    """What is to be done to a thing.

    Attributes:
        may: Raises if whoever asks may not do it.
        decide: Makes the next version, or returns the thing itself if nothing changes.
        command: What tells the command from others, if it has a name.
        standing: Returns the profile of whoever asks, as the write has to find it, or raises.

    """

    may: Callable[[Aggregate], None]
    decide: Callable[[Aggregate], Aggregate]
    expected_version: int | None = None
    command: IdempotencyKey | None = None
    standing: Callable[[Aggregate], Awaitable[Profile | None]] = no_standing


async def change_profile(
    profiles: ProfileRepository, profile_id: UUID, change: Change[Profile]
) -> tuple[Profile, Profile]:
    """Do *change* to a profile; return it as it was and as it is.

    Raises:
        ProfileNotFound
        LastAdmin: Nobody could administrate after that.
        MessageIdReused, StaleVersion, TooManyWriters

    """

    async def save(before: Profile, after: Profile, standing: Profile | None) -> None:
        proved = standing if standing and standing.id != after.id else None
        require_other_admin = before.may_administrate and not after.may_administrate
        await profiles.save(after, require_other_admin=require_other_admin, proved=proved)

    return await _change(profiles, profile_id, change, save)


async def change_post(posts: PostRepository, post_id: UUID, change: Change[Post]) -> Post:
    """Do *change* to a post; return it as it is.

    Raises:
        PostNotFound, MessageIdReused, StaleVersion, TooManyWriters

    """

    async def save(_before: Post, after: Post, _standing: Profile | None) -> None:
        await posts.save(after)

    _, after = await _change(posts, post_id, change, save)
    return after


async def _change(
    things: Repository[Aggregate],
    thing_id: UUID,
    change: Change[Aggregate],
    save: Callable[[Aggregate, Aggregate, Profile | None], Awaitable[None]],
) -> tuple[Aggregate, Aggregate]:
    """Load a thing, make the next version of it, store that, and return both.

    Whoever names no expected version does not care what came between, so it is tried again. A command
    that was carried out before is not carried out again: what is returned is what came of it then. Only
    a refusal can mean that, even one of a thing that is gone, so only then is it asked.

    Raises:
        StaleVersion: The thing is not at the expected version.
        TooManyWriters: Others were faster every time.

    """
    for _ in range(_ATTEMPTS):
        try:
            return await _next(things, thing_id, change, save)
        except AuthorizationChanged:
            continue
        except (NotFound, Conflict, _Outrun) as refusal:
            if done := await _done_before(things, thing_id, change):
                return done, done
            if not isinstance(refusal, _Outrun):
                raise
    raise TooManyWriters


async def _next(
    things: Repository[Aggregate],
    thing_id: UUID,
    change: Change[Aggregate],
    save: Callable[[Aggregate, Aggregate, Profile | None], Awaitable[None]],
) -> tuple[Aggregate, Aggregate]:
    """Do *change* to a thing as it is now, unless its command has been carried out already."""
    before = await things.get(thing_id)
    change.may(before)  # first, because it knows who may hear that the version is stale
    after = change.decide(before)
    if change.expected_version not in (None, before.version):
        raise StaleVersion
    standing = await change.standing(before)
    named = replace(after, idempotency_key=change.command)
    try:
        if after is not before:
            await save(before, named, standing)
        elif change.command:
            await things.record_processed(named)
    except StaleVersion as error:
        raise _Outrun from error
    return before, after


async def _done_before(
    things: Repository[Aggregate], thing_id: UUID, change: Change[Aggregate]
) -> Aggregate | None:
    """Return what came of the command of *change*, if it was carried out, or raise `MessageIdReused`."""
    done = change.command and await things.find_processed(thing_id, change.command.message_id)
    if not change.command or not done:
        return None
    change.may(done.result)
    return done.result_for(change.command)


async def made_once(
    find_created_by: Callable[[str], Awaitable[ProcessedCommand[Aggregate] | None]],
    command: IdempotencyKey | None,
) -> Aggregate | None:
    """Return what *command* has made before, if it was carried out, or raise `MessageIdReused`."""
    made = command and await find_created_by(command.message_id)
    return made.result_for(command) if made and command else None
