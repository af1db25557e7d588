"""Optimistic concurrency: an aggregate is stored over the version that was read, or else read again.

Load, authorize, apply, save. A command says who may and what changes; all else is the same for every command.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.session_guard import SessionEnded, SessionGuard
from service.app.clock import Clock
from service.app.idempotency import Aggregate, CommandHistory
from service.app.request_context import RequestContext
from service.domain.errors import AuthorizationChanged, Conflict, Invalid, NotFound, StaleVersion
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.post import Post, PostRepository
from service.domain.profile import Profile, ProfileRepository

_ATTEMPTS: Final = 10

Value = TypeVar("Value")
Written_co = TypeVar("Written_co", covariant=True)
# Stores the second over the first, or only records the command if nothing has changed.
Write = Callable[[Aggregate, Aggregate], Awaitable[None]]
Get = Callable[[UUID], Awaitable[Aggregate]]


class WriteContention(Conflict):
    """Each attempt of an optimistic update lost against another one."""

    reason = "too_many_writers"
    message = "Too many changes to this at once."
    retryable = True


class _LostRace(Exception):
    """The aggregate has changed between reading and writing, or sessions of its user have ended."""


class Mutation(Protocol[Aggregate]):
    """A command that makes the next version of an aggregate."""

    @property
    def context(self) -> RequestContext:
        """Who asks, and the idempotency key."""

    @property
    def expected_version(self) -> int | None:
        """The version that it was made for, if that matters to whoever asks."""

    def authorize(self, aggregate: Aggregate, /) -> None:
        """Raise if whoever asks may not do it to *aggregate*."""

    def apply(self, aggregate: Aggregate, now: datetime, /) -> Aggregate:
        """Return the next version, or *aggregate* itself if nothing changes."""


@dataclass(frozen=True, slots=True)
class ProfileMutation:
    """A mutation made of two functions, for a command that needs more for it than it says itself."""

    context: RequestContext
    authorize: Callable[[Profile], None]
    apply: Callable[[Profile, datetime], Profile]
    expected_version: int | None = None


async def update_profile(
    profiles: ProfileRepository,
    session_guard: SessionGuard,
    clock: Clock,
    profile_id: UUID,
    mutation: Mutation[Profile],
    *,
    including_deleted: bool = False,
) -> tuple[Profile, Profile]:
    """Carry out *mutation*, while whoever asks has the session still; return the profile before and after.

    One that is deleted is only found if that is said.

    Raises:
        ProfileNotFound
        LastAdmin: Nobody could administrate after that.
        SessionEnded, MessageIdReused, StaleVersion, WriteContention

    """
    write = partial(_write_profile, profiles, session_guard, mutation.context.actor)
    get = profiles.get_including_deleted if including_deleted else profiles.get
    return await optimistic_update(get, profiles, clock, profile_id, mutation, write=write)


async def update_post(
    posts: PostRepository, session_guard: SessionGuard, clock: Clock, post_id: UUID, mutation: Mutation[Post]
) -> Post:
    """Carry out *mutation*, while whoever asks has the session still; return the post as it is.

    Raises:
        PostNotFound
        SessionEnded, MessageIdReused, StaleVersion, WriteContention

    """
    write = partial(_write_post, posts, session_guard, mutation.context.actor)
    _, after = await optimistic_update(posts.get, posts, clock, post_id, mutation, write=write)
    return after


class AuthorizedWrite(Protocol[Written_co]):
    """A write that refuses if whoever asks has changed."""

    def __call__(self, *, authorized_by: Profile | None) -> Awaitable[Written_co]:
        """Write, or raise `AuthorizationChanged`."""


async def authorized_write(session_guard: SessionGuard, actor: Actor, write: AuthorizedWrite[Value]) -> Value:
    """Return what *write* returns, which is given the profile of whoever asks, and refuses any other.

    Raises:
        SessionEnded
        WriteContention: Other sessions of theirs have ended every time.

    """
    for _ in range(_ATTEMPTS):
        authorizing = await session_guard.authorizing_profile(actor)
        with suppress(AuthorizationChanged):  # perhaps another session of theirs has ended
            return await write(authorized_by=authorizing)
    raise WriteContention


async def optimistic_update(
    get: Get[Aggregate],
    history: CommandHistory[Aggregate],
    clock: Clock,
    aggregate_id: UUID,
    mutation: Mutation[Aggregate],
    *,
    write: Write[Aggregate],
) -> tuple[Aggregate, Aggregate]:
    """Load an aggregate, authorize and apply *mutation*, write the result; return it before and after.

    Whoever names no expected version does not care what came between, so it is tried again. A command
    that was carried out before is not carried out again: the aggregate is returned as it is now. Only a
    refusal can mean that, even one of an aggregate that is gone, or of a session that the command itself has
    ended, so only then is it looked up.

    Raises:
        StaleVersion: The aggregate is not at the expected version.
        WriteContention: Others were faster every time.

    """
    for _ in range(_ATTEMPTS):
        try:
            return await _attempt(get, clock, aggregate_id, mutation, write)
        except AuthorizationChanged:
            continue
        except (Invalid, NotFound, Conflict, SessionEnded, _LostRace) as error:
            key = mutation.context.idempotency_key
            if key and (processed := await history.find_processed(aggregate_id, key)):
                return await _replayed(get, processed, mutation, key)
            if not isinstance(error, _LostRace):
                raise
    raise WriteContention


async def _attempt(
    get: Get[Aggregate],
    clock: Clock,
    aggregate_id: UUID,
    mutation: Mutation[Aggregate],
    write: Write[Aggregate],
) -> tuple[Aggregate, Aggregate]:
    before = await get(aggregate_id)
    mutation.authorize(before)  # first, because it knows who may learn that the version is stale
    after = mutation.apply(before, clock.now())
    if mutation.expected_version not in (None, before.version):
        raise StaleVersion
    try:
        await write(before, replace(after, idempotency_key=mutation.context.idempotency_key))
    except StaleVersion as error:
        raise _LostRace from error
    return before, after


async def _replayed(
    get: Get[Aggregate],
    processed: ProcessedCommand[Aggregate],
    mutation: Mutation[Aggregate],
    key: IdempotencyKey,
) -> tuple[Aggregate, Aggregate]:
    """Return the aggregate as it is now, or as *mutation* has left it, which may have been its end.

    Raises:
        MessageIdReused: That was another command.
        NotFound: Something else has been the end of it.

    """
    now = processed.aggregate
    mutation.authorize(now)
    processed.ensure_is_of(key)
    if now.version != processed.version:
        now = await get(now.id)
    return now, now


async def _write_profile(
    profiles: ProfileRepository, session_guard: SessionGuard, actor: Actor, before: Profile, after: Profile
) -> None:
    authorizing = await session_guard.authorizing_profile(actor, before)
    if after.version > before.version:
        await profiles.save(
            after,
            require_other_admin=before.may_administrate and not after.may_administrate,
            authorized_by=authorizing if authorizing and authorizing.id != after.id else None,
        )
    elif after.idempotency_key:
        await profiles.record_processed(after)


async def _write_post(
    posts: PostRepository, session_guard: SessionGuard, actor: Actor, before: Post, after: Post
) -> None:
    authorizing = await session_guard.authorizing_profile(actor)
    if after.version > before.version:
        await posts.save(after, authorized_by=authorizing)
    elif after.idempotency_key:
        await posts.record_processed(after)
