"""Profiles in a dict, held to the truth by `tests/ports/test_profiles.py`."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bson import ObjectId

from service.domain.email import Email
from service.domain.email_owner import is_held_by_former_rule, keys_of, owner_among
from service.domain.errors import AuthorizationChanged, StaleVersion
from service.domain.events import Event
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.profile import (
    EmailTaken,
    IdTaken,
    LastAdmin,
    Profile,
    ProfileFilter,
    ProfileNotFound,
    ProfileRepository,
    Status,
)
from service.domain.totp import Totp
from tests.builders import NOON
from tests.fakes.processed_commands import FakeProcessedCommands

GONE = {Status.DELETED, Status.ERASED}


class FakeProfiles(ProfileRepository):
    """Keeps profiles in memory by the rules of MongoDB and its indexes.

    Each method lets others run before it touches anything, as a database would, and is then atomic.
    """

    def __init__(self, *profiles: Profile) -> None:
        self._by_oid = {profile.oid: profile for profile in profiles}
        self.published: list[Event] = []
        self.processed: FakeProcessedCommands[Profile] = FakeProcessedCommands(self._by_id)

    def all(self) -> Sequence[Profile]:
        """Return every profile that is stored, in whatever state."""
        return list(self._by_oid.values())

    def next_oid(self) -> str:
        return str(ObjectId())

    async def add(self, profile: Profile, *, authorized_by: Profile | None = None) -> None:
        await asyncio.sleep(0)
        self.hold(authorized_by)
        if profile.oid in self._by_oid:
            raise EmailTaken
        if any(profile.id == each.id for each in self._by_oid.values()):
            raise IdTaken
        self.processed.refuse_created(profile)
        self._keep(profile)
        self.processed.record_created(profile)

    async def add_many(self, profiles: Sequence[Profile]) -> Sequence[EmailTaken | IdTaken | None]:
        conflicts: list[EmailTaken | IdTaken | None] = []
        for each in profiles:
            try:
                await self.add(each)
                conflicts.append(None)
            except (EmailTaken, IdTaken) as conflict:
                is_there = await self.find_taken([each.email])
                conflicts.append(EmailTaken() if is_there else conflict)
        return conflicts

    async def find_taken(self, emails: Sequence[Email]) -> Collection[str]:
        await asyncio.sleep(0)
        owners = {each: self._owner_of(each) for each in emails}
        return {
            each.key for each, owner in owners.items() if owner and not is_held_by_former_rule(owner, each)
        }

    async def get(self, profile_id: UUID) -> Profile:
        profile = await self.get_including_deleted(profile_id)
        if profile.status in GONE:
            raise ProfileNotFound
        return profile

    async def get_including_deleted(self, profile_id: UUID) -> Profile:
        await asyncio.sleep(0)
        for profile in self._by_oid.values():
            if profile.id == profile_id:
                return profile
        raise ProfileNotFound

    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Profile]:
        await asyncio.sleep(0)
        deleted = [each for each in self._by_oid.values() if each.status is Status.DELETED]
        dated = [(each.deleted_at, each) for each in deleted if each.deleted_at]
        due = [pair for pair in dated if pair[0] <= moment]
        return [profile for _, profile in sorted(due, key=lambda pair: pair[0])][skip : skip + limit]

    async def find_by_email(self, email: Email) -> Profile | None:
        await asyncio.sleep(0)
        return self._owner_of(email)

    async def find_deleted_by_email(self, email: Email) -> Profile | None:
        await asyncio.sleep(0)
        deleted = [each for each in self._by_oid.values() if each.status is Status.DELETED]
        dated = [(each.deleted_at, each) for each in deleted if each.email.key in keys_of(email)]
        return max(dated, key=lambda pair: pair[0] or NOON, default=(None, None))[1]

    async def list(self, filters: ProfileFilter, after: str | None, limit: int) -> Sequence[Profile]:
        await asyncio.sleep(0)
        begin = filters.email_prefix
        found = sorted(
            (
                each
                for each in self._by_oid.values()
                if each.role in filters.roles
                and each.status in filters.statuses
                and (begin is None or each.email.key.startswith(begin))
            ),
            key=filters.position,
            reverse=begin is None,
        )
        if after is not None:
            found = [
                each
                for each in found
                if (filters.position(each) < after if begin is None else filters.position(each) > after)
            ]
        return found[:limit]

    async def save(
        self, profile: Profile, *, require_other_admin: bool = False, authorized_by: Profile | None = None
    ) -> None:
        await asyncio.sleep(0)
        self.hold(authorized_by)
        others = [each for each in self._by_oid.values() if each.oid != profile.oid]
        if require_other_admin and not any(each.may_administrate for each in others):
            raise LastAdmin
        stored = self._by_oid.get(profile.oid)
        before = (profile.version - 1, profile.logouts, profile.otp_uses)
        if stored is None or (stored.version, stored.logouts, stored.otp_uses) != before:
            raise StaleVersion
        self.processed.refuse_processed(profile)
        self._keep(profile)
        self._record(profile)

    async def count_logout(self, profile_id: UUID) -> None:
        await asyncio.sleep(0)
        for each in self._by_oid.values():
            if each.id == profile_id:
                self._by_oid[each.oid] = replace(each, logouts=each.logouts + 1)

    def hold(self, authorized_by: Profile | None) -> None:
        """Raise unless what *authorized_by* may do still holds."""
        if authorized_by is None:
            return
        stored = self._by_oid.get(authorized_by.oid)
        holds = (authorized_by.logouts, authorized_by.sessions_version)
        if stored is None or (stored.logouts, stored.sessions_version) != holds:
            raise AuthorizationChanged

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        await asyncio.sleep(0)
        stored = self._by_oid.get(profile.oid)
        if stored is not None and stored.hashed_password == profile.hashed_password:
            self._by_oid[profile.oid] = replace(stored, hashed_password=hashed_password)

    async def use_totp_step(self, profile: Profile, step: int) -> bool:
        await asyncio.sleep(0)
        stored = self._by_oid[profile.oid]
        if stored.totp is None or profile.totp is None or stored.totp.last_step >= step:
            return False
        if stored.totp.sealed_secret != profile.totp.sealed_secret:
            return False
        self._use(stored, replace(stored.totp, last_step=step))
        return True

    async def use_recovery_code(self, profile: Profile, digest: bytes) -> bool:
        await asyncio.sleep(0)
        stored = self._by_oid[profile.oid]
        if stored.totp is None or digest not in stored.totp.recovery_digests:
            return False
        left = tuple(each for each in stored.totp.recovery_digests if each != digest)
        self._use(stored, replace(stored.totp, recovery_digests=left))
        return True

    def _use(self, stored: Profile, totp: Totp) -> None:
        self._by_oid[stored.oid] = replace(stored, totp=totp, otp_uses=stored.otp_uses + 1)

    async def replace_totp_secret(self, profile: Profile, sealed_secret: bytes) -> None:
        await asyncio.sleep(0)
        stored = self._by_oid[profile.oid]
        if stored.totp and profile.totp and stored.totp.sealed_secret == profile.totp.sealed_secret:
            self._by_oid[stored.oid] = replace(stored, totp=replace(stored.totp, sealed_secret=sealed_secret))

    async def find_created_by(self, key: IdempotencyKey) -> ProcessedCommand[Profile] | None:
        await asyncio.sleep(0)
        return self.processed.find_creator(key)

    async def find_processed(self, profile_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Profile] | None:
        await asyncio.sleep(0)
        return self.processed.find(profile_id, key)

    async def record_processed(self, profile: Profile) -> None:
        await asyncio.sleep(0)
        stored = self._by_oid.get(profile.oid)
        if stored is None or stored.version != profile.version:
            raise StaleVersion
        self.processed.refuse_processed(profile)
        self._record(profile)

    def _record(self, profile: Profile) -> None:
        stored = self._by_oid[profile.oid]
        self._by_oid[profile.oid] = replace(stored, processed_commands=self.processed.record(profile))

    def _by_id(self, profile_id: UUID) -> Profile:
        return next(each for each in self._by_oid.values() if each.id == profile_id)

    def _keep(self, profile: Profile) -> None:
        stored = self._by_oid.get(profile.oid)
        keeps_it = stored is not None and stored.email == profile.email and stored.status not in GONE
        if profile.status not in GONE and not keeps_it:
            self._make_way(profile.email)
            owner = self._owner_of(profile.email)
            if owner is not None and owner.oid != profile.oid:
                raise EmailTaken
        self._by_oid[profile.oid] = replace(profile, events=(), idempotency_key=None)
        if profile.status is Status.ERASED:
            self.processed.forget(profile.id)
        self.published += profile.events

    def _make_way(self, email: Email) -> None:
        for holder in self._by_oid.values():
            if holder.status not in GONE and is_held_by_former_rule(holder, email):
                own = Email(holder.email.typed, holder.email.current_key)
                if not any(each.email.key == own.key for each in self._by_oid.values()):
                    self._by_oid[holder.oid] = replace(holder, email=own)
                return

    def _owner_of(self, email: Email) -> Profile | None:
        keys = keys_of(email)
        found = [each for each in self._by_oid.values() if each.email.key in keys and each.status not in GONE]
        return owner_among(found, email)
