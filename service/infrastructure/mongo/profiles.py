"""Profiles as documents: one profile, one document, one atomic write."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from service.domain.emails import Email
from service.domain.profiles import (
    EmailTaken,
    Profile,
    ProfileNotFound,
    ProfileRepository,
    Role,
    StaleVersion,
    Status,
)
from service.infrastructure.mongo.errors import translated_errors
from service.infrastructure.mongo.indexes import PROFILES


class MongoProfiles(ProfileRepository):
    """Keeps profiles in a MongoDB collection, which needs the indexes of `indexes.py`."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._profiles = database[PROFILES]

    def next_oid(self) -> str:
        """Return a new ObjectId in hexadecimal."""
        return str(ObjectId())

    async def add(self, profile: Profile) -> None:
        """Store a new profile, or raise `EmailTaken`."""
        with translated_errors():
            try:
                await self._profiles.insert_one(_to_document(profile))
            except DuplicateKeyError as error:
                raise EmailTaken from error

    async def get(self, profile_id: UUID) -> Profile:
        """Return a profile, or raise `ProfileNotFound`."""
        with translated_errors():
            document = await self._profiles.find_one({"id": profile_id})
        if document is None or document["status"] == Status.DELETED:
            raise ProfileNotFound
        return _to_profile(document)

    async def find_by_email(self, email: Email) -> Profile | None:
        """Return the profile that has this address, in whatever spelling."""
        with translated_errors():
            document = await self._profiles.find_one({"email_key": email.key})
        return _to_profile(document) if document else None

    async def save(self, profile: Profile) -> None:
        """Store a changed profile over the version before it."""
        before = {"_id": ObjectId(profile.oid), "version": profile.version - 1}
        with translated_errors():
            try:
                result = await self._profiles.replace_one(before, _to_document(profile))
            except DuplicateKeyError as error:
                raise EmailTaken from error
        if result.matched_count == 0:
            raise StaleVersion

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""
        same_password = {"_id": ObjectId(profile.oid), "hashed_password": profile.hashed_password}
        with translated_errors():
            await self._profiles.update_one(same_password, {"$set": {"hashed_password": hashed_password}})

    async def has_admin_beside(self, profile_id: UUID) -> bool:
        """Return whether there is an active administrator other than this one."""
        others = {"role": Role.ADMIN.value, "status": Status.ACTIVE.value, "id": {"$ne": profile_id}}
        with translated_errors():
            return await self._profiles.find_one(others, {"_id": 1}) is not None


def _to_document(profile: Profile) -> dict[str, Any]:
    document = {
        "_id": ObjectId(profile.oid),
        "id": profile.id,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "email": profile.email.typed,
        "email_key": profile.email.key,
        "hashed_password": profile.hashed_password,
        "role": profile.role.value,
        "status": profile.status.value,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "deleted_at": profile.deleted_at,
        "version": profile.version,
        "sessions_version": profile.sessions_version,
    }
    if profile.status is Status.DELETED:
        del document["email_key"]
    return document


def _to_profile(document: Mapping[str, Any]) -> Profile:
    return Profile(
        id=document["id"],
        oid=str(document["_id"]),
        first_name=document["first_name"],
        last_name=document["last_name"],
        email=Email(document["email"], document["email_key"]),
        hashed_password=document["hashed_password"],
        role=Role(document["role"]),
        status=Status(document["status"]),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        deleted_at=document["deleted_at"],
        version=document["version"],
        # Profiles from before there were sessions have none.
        sessions_version=document.get("sessions_version", 1),
    )
