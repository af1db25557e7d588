"""Profiles as documents: one profile, one document, one atomic write."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError

from service.app.outbox import Kind
from service.domain.email import Email
from service.domain.email_owner import is_held_by_former_rule, keys_of, owner_among
from service.domain.errors import StaleVersion
from service.domain.idempotency import AlreadyCreated, IdempotencyKey, ProcessedCommand
from service.domain.profile import (
    EmailTaken,
    IdTaken,
    Profile,
    ProfileFilter,
    ProfileNotFound,
    ProfileRepository,
    Status,
)
from service.infrastructure.mongo.errors import database_call
from service.infrastructure.mongo.former_keys import find_owner, is_taken_by_former_rule, make_way
from service.infrastructure.mongo.guarded_writes import guarded_call, together
from service.infrastructure.mongo.indexes import PROFILES, PROFILES_BY_EMAIL, PROFILES_BY_ID
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
from service.infrastructure.mongo.profile_documents import (
    KEYS,
    UNLISTED,
    as_authorized,
    to_document,
    to_profile,
    unused_since,
)
from service.infrastructure.mongo.reads_by_id import ReadsById
from service.pkg.database import Documents

_DUPLICATE: Final = 11000  # MongoDB's code for what a unique index refuses


class MongoProfiles(ProfileRepository):
    """Keeps profiles in a MongoDB collection, which needs the indexes of `indexes.py`."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], notify: Notify = notify_nobody) -> None:
        self.client = database.client
        self._profiles = database[PROFILES]
        self._by_id = ReadsById(self._profiles, projection=PROJECTION)
        self._notify = notify

    def next_oid(self) -> str:
        """Return a new ObjectId in hexadecimal."""
        return str(ObjectId())

    @guarded_call
    async def add(self, profile: Profile, *, authorized_by: Profile | None = None) -> None:
        """Store a new profile, or raise `EmailTaken`."""
        document = _new_document(profile)
        try:
            insert = partial(together, self._profiles, partial(self._insert, document), authorized_by)
            await self._with_address(profile, insert)
        except DuplicateKeyError as error:
            raise _conflict(error) from error
        self._notify(Kind.PROFILE, profile.id)

    async def add_many(self, profiles: Sequence[Profile]) -> Sequence[EmailTaken | IdTaken | None]:
        """Store new profiles; those that meet with others, or with a former rule, one by one."""
        left = {each.oid for each in profiles if len(keys_of(each.email)) > 1}
        at_once = [each for each in profiles if each.oid not in left]
        left |= await self._insert_many(at_once)
        if added := [each.id for each in at_once if each.events and each.oid not in left]:
            self._notify(Kind.PROFILE, *added)
        return [await self._conflict_of(each) if each.oid in left else None for each in profiles]

    @database_call
    async def _insert_many(self, profiles: Sequence[Profile]) -> set[str]:
        """Store what the indexes let through, and return the oids of the others."""
        if not profiles:
            return set()
        try:
            await self._profiles.insert_many(map(_new_document, profiles), ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(each["code"] != _DUPLICATE for each in failed):
                raise
            return {profiles[each["index"]].oid for each in failed}
        return set()

    async def _conflict_of(self, profile: Profile) -> EmailTaken | IdTaken | None:
        try:
            await self.add(profile)
        except (EmailTaken, IdTaken) as conflict:
            return EmailTaken() if await self.find_taken([profile.email]) else conflict
        return None

    @database_call
    async def find_taken(self, emails: Sequence[Email]) -> Collection[str]:
        """Return the keys of those addresses that profiles have, in whatever spelling."""
        keys = {each: keys_of(each) for each in emails}
        query = {"email_key": {"$in": list({key for each in keys.values() for key in each})}}
        found = {each["email_key"]: to_profile(each) async for each in self._profiles.find(query, PROJECTION)}
        if not found:
            return set()
        owners = {
            email: owner_among([found[key] for key in those if key in found], email)
            for email, those in keys.items()
        }
        return {
            email.key for email, owner in owners.items() if owner and not is_held_by_former_rule(owner, email)
        }

    async def _insert(self, document: Documents, transaction: AsyncClientSession | None) -> None:
        await self._profiles.insert_one(document, session=transaction)

    async def _with_address(self, profile: Profile, write: Callable[[], Awaitable[object]]) -> None:
        """Do *write*, which gives *profile* its address, though a former rule may stand in the way."""
        if await is_taken_by_former_rule(self._profiles, profile):
            raise EmailTaken
        try:
            await write()
        except DuplicateKeyError as error:
            if is_already_created(error) or not await make_way(self._profiles, profile.email):
                raise
            await write()

    async def get(self, profile_id: UUID) -> Profile:
        """Return a profile, or raise `ProfileNotFound`."""
        profile = await self.get_including_deleted(profile_id)
        if profile.status in UNLISTED:
            raise ProfileNotFound
        return profile

    async def get_including_deleted(self, profile_id: UUID) -> Profile:
        """Return a profile whether it is deleted, erased or neither, or raise `ProfileNotFound`."""
        document = await self._by_id.find(profile_id)
        if document is None:
            raise ProfileNotFound
        return to_profile(document)

    @database_call
    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Profile]:
        """Return the longest deleted profiles that are not erased yet: at most so many, without the first."""
        query = {"status": Status.DELETED.value, "deleted_at": {"$lte": moment}}
        cursor = self._profiles.find(query, {"outbox": 0}).sort("deleted_at", 1).skip(skip).limit(limit)
        return [to_profile(document) async for document in cursor]

    @database_call
    async def find_by_email(self, email: Email) -> Profile | None:
        """Return the profile that has this address, in whatever spelling."""
        return await find_owner(self._profiles, email)

    @database_call
    async def find_deleted_by_email(self, email: Email) -> Profile | None:
        """Return the profile that had this address when it was deleted: of several, the last one."""
        query = {"deleted_email_key": {"$in": keys_of(email)}}
        found = self._profiles.find(query, PROJECTION).sort("deleted_at", -1).limit(1)
        return next((to_profile(each) for each in await found.to_list()), None)

    @database_call
    async def list(self, filters: ProfileFilter, after: str | None, limit: int) -> Sequence[Profile]:
        """Return at most so many profiles: the first ones, or those *after* a position."""
        query = {
            "role": {"$in": [each.value for each in filters.roles]},
            "status": {"$in": [each.value for each in filters.statuses]},
        }
        # The index is named: MongoDB would use a plan that was good for one status for all others, too.
        if filters.email_prefix is None:
            older = {"id": {"$lt": UUID(after)}} if after else {}
            cursor = self._profiles.find(query | older, PROJECTION).sort("id", -1).hint(PROFILES_BY_ID)
        else:
            query["email_key"] = _range(filters.email_prefix, after)
            cursor = self._profiles.find(query, PROJECTION).sort("email_key", 1).hint(PROFILES_BY_EMAIL)
        return [to_profile(each) async for each in cursor.limit(limit)]

    @guarded_call
    async def save(
        self, profile: Profile, *, require_other_admin: bool = False, authorized_by: Profile | None = None
    ) -> None:
        """Store a changed profile over the version before it."""
        leaving = profile if require_other_admin else None
        try:
            save = partial(together, self._profiles, partial(self._save, profile), authorized_by, leaving)
            await self._with_address(profile, save)
        except DuplicateKeyError as error:
            raise EmailTaken from error
        self._notify(Kind.PROFILE, profile.id)

    async def _save(self, profile: Profile, transaction: AsyncClientSession | None) -> None:
        same = {"version": profile.version - 1, "logouts": as_authorized(profile)["logouts"]}
        same |= unused_since(profile) | unless_processed(profile)
        before = {"id": profile.id, **same}
        document = to_document(profile)
        gone = dict.fromkeys(KEYS - document.keys(), "")
        gone |= forgetting() if profile.status is Status.ERASED else {}
        change = recording(profile, {"$set": document, **push_events(profile.events)})
        change |= {"$unset": gone} if gone else {}
        result = await self._profiles.update_one(before, change, session=transaction)
        if result.matched_count == 0:
            raise StaleVersion

    @database_call
    async def find_created_by(self, key: IdempotencyKey) -> ProcessedCommand[Profile] | None:
        """Return the command that has the name of *key*, if it created a profile, be it deleted since."""
        return await find_creator(self._profiles, key, to_profile)

    @database_call
    async def find_processed(self, profile_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Profile] | None:
        """Return the command that has the name of *key*, if a profile has seen it, be it deleted since."""
        return await find_processed(self._profiles, profile_id, key, to_profile)

    @database_call
    async def record_processed(self, profile: Profile) -> None:
        """Record the command that left this profile as it was, or raise `StaleVersion`."""
        await record_only(self._profiles, profile)

    @database_call
    async def count_logout(self, profile_id: UUID) -> None:
        """Record that sessions of a user have just ended."""
        await self._profiles.update_one({"id": profile_id}, {"$inc": {"logouts": 1}})

    @database_call
    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""
        same_password = {"id": profile.id, "hashed_password": profile.hashed_password}
        await self._profiles.update_one(same_password, {"$set": {"hashed_password": hashed_password}})

    @database_call
    async def use_totp_step(self, profile: Profile, step: int) -> bool:
        """Record that the code of a time step was used, if neither it nor a later one was before."""
        secret = profile.totp and profile.totp.sealed_secret
        unused = {"id": profile.id, "totp.secret": secret, "totp.last_step": {"$lt": step}}
        used = {"$set": {"totp.last_step": step}, "$inc": {"otp_uses": 1}}
        return bool((await self._profiles.update_one(unused, used)).matched_count)

    @database_call
    async def use_recovery_code(self, profile: Profile, digest: bytes) -> bool:
        """Take a recovery code away, if it is there."""
        unused = {"id": profile.id, "totp.recovery": digest}
        used = {"$pull": {"totp.recovery": digest}, "$inc": {"otp_uses": 1}}
        return bool((await self._profiles.update_one(unused, used)).matched_count)

    @database_call
    async def replace_totp_secret(self, profile: Profile, sealed_secret: bytes) -> None:
        """Store the same secret, encrypted otherwise, unless there is another one meanwhile."""
        same = {"id": profile.id, "totp.secret": profile.totp and profile.totp.sealed_secret}
        await self._profiles.update_one(same, {"$set": {"totp.secret": sealed_secret}})


def _new_document(profile: Profile) -> Documents:
    return {**to_document(profile), "outbox": to_records(profile.events), **created_by(profile)}


def _conflict(error: DuplicateKeyError) -> AlreadyCreated | EmailTaken | IdTaken:
    if is_already_created(error):
        return AlreadyCreated()
    is_id = "id" in (error.details or {}).get("keyPattern", {})
    return IdTaken() if is_id else EmailTaken()


def _range(prefix: str, after: str | None) -> dict[str, Any]:
    """Return the keys that begin with *prefix*, and stand *after* one of them.

    MongoDB compares strings by their UTF-8, which has the order of code points. U+10FFFF is the last of
    them, and never will be a character (Unicode 15, 23.7), so no key has it.
    """
    begin = {"$gte": prefix} if after is None else {"$gt": after}
    return {**begin, "$lt": prefix + "\U0010ffff"}
