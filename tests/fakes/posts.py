"""Posts in a dict, held to the truth by `tests/ports/test_posts.py`."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bson import ObjectId

from service.domain.errors import StaleVersion, Unavailable
from service.domain.events import Event
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.post import Post, PostNotFound, PostRepository, PostSelection, PostStatus
from service.domain.profile import Profile
from tests.fakes.processed_commands import FakeProcessedCommands
from tests.fakes.profiles import FakeProfiles

BELONGS: dict[PostSelection, Callable[[Post], bool]] = {
    PostSelection.ALL: lambda _: True,
    PostSelection.ACTIVE: lambda post: post.is_active,
    PostSelection.DELETED_WITH_OWNER: lambda post: post.deleted_with_owner,
    PostSelection.NOT_ERASED: lambda post: post.status is not PostStatus.ERASED,
}


class FakePosts(PostRepository):
    """Keeps posts in memory by the rules of MongoDB and its indexes.

    Each method lets others run before it touches anything, as a database would, and is then atomic.
    """

    def __init__(self, *posts: Post, profiles: FakeProfiles | None = None) -> None:
        self._profiles = profiles or FakeProfiles()
        self._by_oid = {post.oid: post for post in posts}
        self.published: list[Event] = []
        self.processed: FakeProcessedCommands[Post] = FakeProcessedCommands(self._by_id)

    def next_oid(self) -> str:
        return str(ObjectId())

    async def add(self, post: Post, *, authorized_by: Profile | None = None) -> None:
        await asyncio.sleep(0)
        self._profiles.hold(authorized_by)
        if post.oid in self._by_oid or any(post.id == each.id for each in self._by_oid.values()):
            raise Unavailable
        self.processed.refuse_created(post)
        self._keep(post)
        self.processed.record_created(post)

    async def get(self, post_id: UUID) -> Post:
        await asyncio.sleep(0)
        for post in self._by_oid.values():
            if post.id == post_id and post.is_active:
                return post
        raise PostNotFound

    async def get_including_deleted(self, post_id: UUID) -> Post:
        await asyncio.sleep(0)
        for post in self._by_oid.values():
            if post.id == post_id:
                return post
        raise PostNotFound

    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Post]:
        await asyncio.sleep(0)
        deleted = [each for each in self._by_oid.values() if each.status is PostStatus.DELETED]
        dated = [(each.deleted_at, each) for each in deleted if each.deleted_at]
        due = [pair for pair in dated if pair[0] <= moment and not pair[1].deleted_with_owner]
        return [post for _, post in sorted(due, key=lambda pair: pair[0])][skip : skip + limit]

    async def save(self, post: Post, *, authorized_by: Profile | None = None) -> None:
        await asyncio.sleep(0)
        self._profiles.hold(authorized_by)
        stored = self._by_oid.get(post.oid)
        if stored is None or stored.version != post.version - 1:
            raise StaleVersion
        self.processed.refuse_processed(post)
        self._keep(post)
        self._record(post)

    async def list(self, user_id: UUID | None, after: str | None, limit: int) -> Sequence[Post]:
        await asyncio.sleep(0)
        active = [each for each in self._by_oid.values() if each.is_active]
        chosen = [each for each in active if user_id in (None, each.user_id)]
        older = [each for each in chosen if after is None or each.id < UUID(after)]
        return sorted(older, key=lambda each: each.id, reverse=True)[:limit]

    async def of_user(
        self, user_id: UUID, selection: PostSelection, limit: int = 0, *, after: str | None = None
    ) -> Sequence[Post]:
        await asyncio.sleep(0)
        mine = [
            each for each in self._by_oid.values() if each.user_id == user_id and BELONGS[selection](each)
        ]
        newer = [each for each in mine if after is None or each.id > UUID(after)]
        return sorted(newer, key=lambda each: each.id)[: limit or None]

    async def save_many(self, posts: Sequence[Post]) -> None:
        for each in posts:
            with suppress(StaleVersion):
                await self.save(each)

    async def find_created_by(self, key: IdempotencyKey) -> ProcessedCommand[Post] | None:
        await asyncio.sleep(0)
        return self.processed.find_creator(key)

    async def find_processed(self, post_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Post] | None:
        await asyncio.sleep(0)
        return self.processed.find(post_id, key)

    async def record_processed(self, post: Post) -> None:
        await asyncio.sleep(0)
        stored = self._by_oid.get(post.oid)
        if stored is None or stored.version != post.version:
            raise StaleVersion
        self.processed.refuse_processed(post)
        self._record(post)

    def _record(self, post: Post) -> None:
        stored = self._by_oid[post.oid]
        self._by_oid[post.oid] = replace(stored, processed_commands=self.processed.record(post))

    def _by_id(self, post_id: UUID) -> Post:
        return next(each for each in self._by_oid.values() if each.id == post_id)

    def _keep(self, post: Post) -> None:
        self._by_oid[post.oid] = replace(post, events=(), idempotency_key=None)
        if post.status is PostStatus.ERASED:
            self.processed.forget(post.id)
        self.published += post.events
