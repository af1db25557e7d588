"""Every index, made and verified at start: a promise of uniqueness without its index is broken."""

from collections.abc import Mapping
from typing import Any, Final

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from service.infrastructure.mongo.errors import CALLS

PROFILES: Final = "profiles"
SESSIONS: Final = "sessions"
POSTS: Final = "posts"
PROFILES_BY_ID: Final = "role_status_id"
PROFILES_BY_EMAIL: Final = "role_status_email_key"

# Only things with events that wait are in it: next to none, so that looking costs next to nothing.
_OUTBOX: Final[Mapping[str, tuple[list[tuple[str, int]], dict[str, Any]]]] = {
    "outbox": (
        [("outbox.time", 1)],
        {"partialFilterExpression": {"outbox.time": {"$exists": True}}},
    )
}

# A command makes one thing, however often it comes.
_CREATED_BY: Final[Mapping[str, tuple[list[tuple[str, int]], dict[str, Any]]]] = {
    "created_by": (
        [("created_by.id", 1)],
        {"unique": True, "partialFilterExpression": {"created_by.id": {"$exists": True}}},
    )
}

# By collection, by name: the keys and the options.
INDEXES: Final[Mapping[str, Mapping[str, tuple[list[tuple[str, int]], dict[str, Any]]]]] = {
    PROFILES: {
        "id": ([("id", 1)], {"unique": True}),
        # A deleted profile has no email_key, so its address is free.
        "email_key": (
            [("email_key", 1)],
            {"unique": True, "partialFilterExpression": {"email_key": {"$exists": True}}},
        ),
        "deleted_email_key": (
            [("deleted_email_key", 1), ("deleted_at", -1)],
            {"partialFilterExpression": {"deleted_email_key": {"$exists": True}}},
        ),
        "deleted_at": ([("deleted_at", 1)], {"partialFilterExpression": {"status": "deleted"}}),
        # Lists: each names roles and statuses, so that what they keep has the order that it is read in.
        PROFILES_BY_ID: ([("role", 1), ("status", 1), ("id", -1)], {}),
        PROFILES_BY_EMAIL: (
            [("role", 1), ("status", 1), ("email_key", 1)],
            {"partialFilterExpression": {"email_key": {"$exists": True}}},
        ),
        **_OUTBOX,
        **_CREATED_BY,
    },
    SESSIONS: {
        "user_id": ([("user_id", 1)], {}),
        # MongoDB removes a session within a minute after this time.
        "expires_at": ([("expires_at", 1)], {"expireAfterSeconds": 0}),
        **_OUTBOX,
    },
    POSTS: {
        "id": ([("id", 1)], {"unique": True}),
        # Lists begin with the newest, and ids made later sort later.
        "user": ([("user_id", 1), ("status", 1), ("id", -1)], {}),
        "all": ([("status", 1), ("id", -1)], {}),
        # Next to none: those that come back with their owner. It is looked for them after each post.
        "deleted_with_owner": (
            [("user_id", 1), ("id", 1)],
            {"partialFilterExpression": {"deleted_with_owner": True}},
        ),
        "deleted_at": ([("deleted_at", 1)], {"partialFilterExpression": {"status": "deleted"}}),
        **_OUTBOX,
        **_CREATED_BY,
    },
}
# How long an index may take to be made: those of a large collection take minutes.
_BUILDING_SECONDS: Final = 600.0
# What MongoDB notes about any index, and what does not change what it promises.
_FORMALITIES: Final = frozenset({"v", "ns", "background"})


class IndexMissing(Exception):
    """An index is not there, or is not what it has to be."""


async def ensure_indexes(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Make the indexes that are missing, and verify them all.

    Raises:
        IndexMissing: An index of that name exists and differs; says which.
        PyMongoError: The database did not answer, or two stored documents are not unique.

    """
    await CALLS.run(_ensure_indexes(database))


async def _ensure_indexes(database: AsyncDatabase[dict[str, Any]]) -> None:
    for collection, indexes in INDEXES.items():
        present = await database[collection].index_information()
        for name, (keys, options) in indexes.items():
            if name not in present:
                with pymongo.timeout(_BUILDING_SECONDS):
                    await database[collection].create_index(keys, name=name, **options)
        present = await database[collection].index_information()
        for name, (keys, options) in indexes.items():
            wanted = {"key": keys, **options}
            # Also what is not wanted counts: an index for some documents only promises nothing.
            found = {option: value for option, value in present[name].items() if option not in _FORMALITIES}
            if found != wanted:
                msg = f"The index {name} of {collection} has to be {wanted}, but is {found}."
                raise IndexMissing(msg)
