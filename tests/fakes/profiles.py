"""Profiles in a dict, held to the truth by `tests/ports/test_profiles.py`."""

import asyncio
from dataclasses import replace
from uuid import UUID

from bson import ObjectId

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


class FakeProfiles(ProfileRepository):
    """Keeps profiles in memory by the rules of MongoDB and its indexes.

    Each method lets others run before it touches anything, as a database would, and is then atomic.
    """

    def __init__(self, *profiles: Profile) -> None:
        self._by_oid = {profile.oid: profile for profile in profiles}

    def next_oid(self) -> str:
        return str(ObjectId())

    async def add(self, profile: Profile) -> None:
        await asyncio.sleep(0)
        if profile.oid in self._by_oid or any(profile.id == each.id for each in self._by_oid.values()):
            raise EmailTaken
        self._keep(profile)

    async def get(self, profile_id: UUID) -> Profile:
        await asyncio.sleep(0)
        for profile in self._by_oid.values():
            if profile.id == profile_id and profile.status is not Status.DELETED:
                return profile
        raise ProfileNotFound

    async def find_by_email(self, email: Email) -> Profile | None:
        await asyncio.sleep(0)
        return self._owner_of(email)

    async def save(self, profile: Profile) -> None:
        await asyncio.sleep(0)
        stored = self._by_oid.get(profile.oid)
        if stored is None or stored.version != profile.version - 1:
            raise StaleVersion
        self._keep(profile)

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        await asyncio.sleep(0)
        stored = self._by_oid.get(profile.oid)
        if stored is not None and stored.hashed_password == profile.hashed_password:
            self._by_oid[profile.oid] = replace(stored, hashed_password=hashed_password)

    async def has_admin_beside(self, profile_id: UUID) -> bool:
        await asyncio.sleep(0)
        return any(
            each.role is Role.ADMIN and each.may_log_in and each.id != profile_id
            for each in self._by_oid.values()
        )

    def _keep(self, profile: Profile) -> None:
        owner = self._owner_of(profile.email)
        if profile.status is not Status.DELETED and owner is not None and owner.oid != profile.oid:
            raise EmailTaken
        self._by_oid[profile.oid] = profile

    def _owner_of(self, email: Email) -> Profile | None:
        for profile in self._by_oid.values():
            if profile.email.key == email.key and profile.status is not Status.DELETED:
                return profile
        return None
