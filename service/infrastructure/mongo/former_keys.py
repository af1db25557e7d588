"""Addresses that are stored under the key of a former rule: found, kept unique, and moved out of the way."""

from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from service.domain.email import Email
from service.domain.email_owner import is_held_by_former_rule, keys_of, owner_among
from service.domain.profile import Profile
from service.infrastructure.mongo.processed_commands import PROJECTION
from service.infrastructure.mongo.profile_documents import to_profile


async def find_owner(collection: AsyncCollection[dict[str, Any]], email: Email) -> Profile | None:
    """Return whose *email* is."""
    found = collection.find({"email_key": {"$in": keys_of(email)}}, PROJECTION)
    return owner_among([to_profile(each) async for each in found], email)


async def is_taken_by_former_rule(collection: AsyncCollection[dict[str, Any]], profile: Profile) -> bool:
    """Return whether another profile has the address of *profile*, but under a key that the index can't tell.

    Nobody stores such a key any more, so this is not a race with another sign-up.
    """
    if not profile.email.key or len(keys_of(profile.email)) == 1:
        return False
    owner = await find_owner(collection, profile.email)
    return owner is not None and owner.oid != profile.oid and owner.email.current_key == profile.email.key


async def make_way(collection: AsyncCollection[dict[str, Any]], email: Email) -> bool:
    """Give whoever has the key of *email* only by a former rule another one; return whether that was done."""
    document = await collection.find_one({"email_key": email.key}, PROJECTION)
    if document is None or not is_held_by_former_rule(holder := to_profile(document), email):
        return False
    held = {"id": holder.id, "email_key": email.key, "email": holder.email.typed}
    try:
        await collection.update_one(held, {"$set": {"email_key": holder.email.current_key}})
    except DuplicateKeyError:  # two profiles of one mailbox, both from before
        return False
    return True
