"""Many posts of one user, straight into the database."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from service.app.ids import new_id
from tests.builders import NOON


async def store_posts(database: AsyncDatabase[dict[str, Any]], user_id: UUID, many: int) -> None:
    """Store active posts of a user that others have been told of."""
    documents: list[dict[str, Any]] = [
        {
            "_id": ObjectId(),
            "id": new_id(NOON + timedelta(milliseconds=each)),
            "user_id": user_id,
            "title": f"Note {each}",
            "body": "It weaves algebraic patterns.",
            "status": "active",
            "created_at": NOON,
            "updated_at": NOON,
            "deleted_at": None,
            "deleted_with_owner": False,
            "version": 1,
            "outbox": [],
        }
        for each in range(many)
    ]
    await database["posts"].insert_many(documents, ordered=False)
