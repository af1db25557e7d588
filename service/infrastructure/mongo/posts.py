"""Posts as documents: one post, one document, one atomic write."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from service.app.outbox import Kind
from service.domain.errors import StaleVersion
from service.domain.idempotency import AlreadyCreated, IdempotencyKey, ProcessedCommand
from service.domain.post import Post, PostNotFound, PostRepository, PostSelection, PostStatus
from service.domain.profile import Profile
from service.infrastructure.mongo.errors import database_call
from service.infrastructure.mongo.guarded_writes import guarded_call, together
from service.infrastructure.mongo.indexes import POSTS, PROFILES
from service.infrastructure.mongo.outbox import Notify, notify_nobody, push_events, to_records
from service.infrastructure.mongo.processed_commands import (
    PROJECTION,
    created_by,
    find_creator,
    find_processed,
    forgetting,
    is_already_created,
    record_only,
    recording,
    unless_processed,
)
from service.infrastructure.mongo.reads_by_id import ReadsById


class MongoPosts(PostRepository):
    """Keeps posts in a MongoDB collection, which needs the indexes of `indexes.py`."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], notify: Notify = notify_nobody) -> None:
        self.client = database.client
        self._profiles = database[PROFILES]
        self._posts = database[POSTS]
        self._by_id = ReadsById(self._posts, projection=PROJECTION)
        self._notify = notify

    def next_oid(self) -> str:
        """Return a new ObjectId in hexadecimal."""
        return str(ObjectId())

    @guarded_call
    async def add(self, post: Post, *, authorized_by: Profile | None = None) -> None:
        """Store a new post."""
        document = {**_to_document(post), "outbox": to_records(post.events), **created_by(post)}

        async def insert(transaction: AsyncClientSession | None) -> None:
            await self._posts.insert_one(document, session=transaction)

        try:
            await together(self._profiles, insert, authorized_by)
        except DuplicateKeyError as error:
            if is_already_created(error):
                raise AlreadyCreated from error
            raise
        self._notify(Kind.POST, post.id)

    async def get(self, post_id: UUID) -> Post:
        """Return a post, or raise `PostNotFound`."""
        document = await self._by_id.find(post_id)
        if document is None or document["status"] != PostStatus.ACTIVE:
            raise PostNotFound
        return _to_post(document)

    async def get_including_deleted(self, post_id: UUID) -> Post:
        """Return a post whether it is deleted, erased or neither, or raise `PostNotFound`."""
        document = await self._by_id.find(post_id)
        if document is None:
            raise PostNotFound
        return _to_post(document)

    @database_call
    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Post]:
        """Return the longest deleted posts but for those that went with their owner, without the first."""
        query = {
            "status": PostStatus.DELETED.value,
            "deleted_at": {"$lte": moment},
            "deleted_with_owner": False,
        }
        found = self._posts.find(query, PROJECTION).sort("deleted_at", 1).skip(skip).limit(limit)
        return [_to_post(each) async for each in found]

    @guarded_call
    async def save(self, post: Post, *, authorized_by: Profile | None = None) -> None:
        """Store a changed post over the version before it, or raise `StaleVersion`."""
        before, change = _change(post)

        async def update(transaction: AsyncClientSession | None) -> None:
            result = await self._posts.update_one(before, change, session=transaction)
            if result.matched_count == 0:
                raise StaleVersion

        await together(self._profiles, update, authorized_by)
        self._notify(Kind.POST, post.id)

    @database_call
    async def list(self, user_id: UUID | None, after: str | None, limit: int) -> Sequence[Post]:
        """Return at most so many active posts, of one user or of all, the newest first."""
        query: dict[str, Any] = {"status": PostStatus.ACTIVE.value}
        if user_id:
            query["user_id"] = user_id
        if after:
            query["id"] = {"$lt": UUID(after)}
        found = self._posts.find(query, PROJECTION).sort("id", -1).limit(limit)
        return [_to_post(each) async for each in found.hint("user" if user_id else "all")]

    @database_call
    async def of_user(
        self, user_id: UUID, selection: PostSelection, limit: int = 0, *, after: str | None = None
    ) -> Sequence[Post]:
        """Return some posts of a user, the oldest first: at most so many, or all for 0."""
        query = {"user_id": user_id, "status": {"$in": _STATUSES[selection]}}
        if after:
            query["id"] = {"$gt": UUID(after)}
        index = "user"
        if selection is PostSelection.DELETED_WITH_OWNER:
            query["deleted_with_owner"], index = True, "deleted_with_owner"
        found = self._posts.find(query, PROJECTION).sort("id", 1).limit(limit)
        # Named: from some post on, MongoDB may as well go through those of everybody.
        return [_to_post(each) async for each in found.hint(index)]

    @database_call
    async def find_created_by(self, key: IdempotencyKey) -> ProcessedCommand[Post] | None:
        """Return the command that has the name of *key*, if it created a post, be it deleted since."""
        return await find_creator(self._posts, key, _to_post)

    @database_call
    async def find_processed(self, post_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Post] | None:
        """Return the command that has the name of *key*, if a post has seen it, be it deleted since."""
        return await find_processed(self._posts, post_id, key, _to_post)

    @database_call
    async def record_processed(self, post: Post) -> None:
        """Record the command that left this post as it was, or raise `StaleVersion`."""
        await record_only(self._posts, post)

    @database_call
    async def save_many(self, posts: Sequence[Post]) -> None:
        """Store each of these posts over the version before it, but for those that others have changed."""
        await self._posts.bulk_write([UpdateOne(*_change(each)) for each in posts], ordered=False)
        self._notify(Kind.POST, *(each.id for each in posts))


_STATUSES: Final = {
    PostSelection.ALL: [each.value for each in PostStatus],
    PostSelection.ACTIVE: [PostStatus.ACTIVE.value],
    PostSelection.DELETED_WITH_OWNER: [PostStatus.DELETED.value],
    PostSelection.NOT_ERASED: [PostStatus.ACTIVE.value, PostStatus.DELETED.value],
}


def _change(post: Post) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return which document *post* is stored over, and how."""
    before = {
        "id": post.id,
        "version": post.version - 1,
        **unless_processed(post),
    }
    change = recording(post, {"$set": _to_document(post), **push_events(post.events)})
    if post.status is PostStatus.ERASED:
        change["$unset"] = forgetting()
    return before, change


def _to_document(post: Post) -> dict[str, Any]:
    return {
        "_id": ObjectId(post.oid),
        "id": post.id,
        "user_id": post.user_id,
        "title": post.title,
        "body": post.body,
        "status": post.status.value,
        "created_at": post.created_at,
        "updated_at": post.updated_at,
        "deleted_at": post.deleted_at,
        "deleted_with_owner": post.deleted_with_owner,
        "version": post.version,
    }


def _to_post(document: Mapping[str, Any]) -> Post:
    return Post(
        id=document["id"],
        oid=str(document["_id"]),
        user_id=document["user_id"],
        title=document["title"],
        body=document["body"],
        status=PostStatus(document["status"]),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        deleted_at=document["deleted_at"],
        deleted_with_owner=document["deleted_with_owner"],
        version=document["version"],
        processed_commands=document.get("processed_commands", 0),
    )
