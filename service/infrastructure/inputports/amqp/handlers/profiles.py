"""Requests about profiles: from the wire to a command or query, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import MISSING

from profile_contracts import profiles as wire
from profile_contracts.fields import rfc3339
from profile_contracts.operations import (
    PROFILE_CREATE,
    PROFILE_DELETE,
    PROFILE_ERASE,
    PROFILE_EXPORT,
    PROFILE_FIND,
    PROFILE_GET,
    PROFILE_LIST,
    PROFILE_RESTORE,
    PROFILE_UPDATE,
)
from service.app.application import Application
from service.app.commands.create_profile import CreateProfile
from service.app.commands.delete_profile import DeleteProfile
from service.app.commands.erase_profile import EraseProfile
from service.app.commands.restore_profile import RestoreProfile
from service.app.commands.update_profile import UpdateProfile
from service.app.paging import PageRequest
from service.app.queries.export_page import ExportPage
from service.app.queries.find_profile import FindProfile
from service.app.queries.get_profile import GetProfile
from service.app.queries.list_profiles import ListProfiles
from service.app.request_context import RequestContext
from service.domain.email import Email, email_prefix
from service.domain.profile import Profile, ProfileFilter, ProfilePatch, Role, Status
from service.infrastructure.inputports.amqp.decoding import none_if_missing, secret_or_none
from service.infrastructure.inputports.amqp.router import Router


def subscribe_profiles(router: Router, app: Application) -> None:
    """Answer the operations `profile.*`."""

    @router.handles(PROFILE_CREATE)
    async def create_profile(request: wire.CreateProfile, caller: RequestContext) -> wire.Profile:
        command = CreateProfile(
            context=caller,
            first_name=request.first_name,
            last_name=_last_name(request.last_name) or "",
            email=request.email,
            password=request.password.get_secret_value(),
            role=Role(request.role),
            attributes=none_if_missing(request.attributes) or {},
        )
        return profile_to_wire(await app.create_profile.handle(command))

    @router.handles(PROFILE_GET)
    async def get_profile(
        request: wire.GetProfile, caller: RequestContext
    ) -> wire.Profile | wire.PublicProfile:
        seen = await app.get_profile.handle(GetProfile(actor=caller.actor, profile_id=request.id))
        if isinstance(seen, Profile):
            return profile_to_wire(seen)
        return wire.PublicProfile(
            id=seen.id, first_name=seen.first_name, last_name=seen.last_name, created_at=seen.created_at
        )

    @router.handles(PROFILE_UPDATE)
    async def update_profile(request: wire.UpdateProfile, caller: RequestContext) -> wire.Profile:
        command = UpdateProfile(
            context=caller,
            profile_id=request.id,
            patch=_patch(request),
            expected_version=none_if_missing(request.expected_version),
            current_password=secret_or_none(request.current_password),
        )
        return profile_to_wire(await app.update_profile.handle(command))

    @router.handles(PROFILE_DELETE)
    async def delete_profile(request: wire.DeleteProfile, caller: RequestContext) -> wire.DeletedProfile:
        command = DeleteProfile(
            context=caller, profile_id=request.id, expected_version=none_if_missing(request.expected_version)
        )
        profile = await app.delete_profile.handle(command)
        return wire.DeletedProfile(
            id=profile.id, status=wire.Status(profile.status), deleted_at=profile.updated_at
        )

    @router.handles(PROFILE_LIST)
    async def list_profiles(request: wire.ListProfiles, caller: RequestContext) -> wire.ProfilePage:
        page_request = PageRequest(request.limit, none_if_missing(request.cursor))
        query = ListProfiles(actor=caller.actor, page_request=page_request, filters=_filters(request))
        page = await app.list_profiles.handle(query)
        return wire.ProfilePage(items=tuple(map(profile_to_wire, page.items)), next_cursor=page.next_cursor)

    _subscribe_operators(router, app)


def _subscribe_operators(router: Router, app: Application) -> None:
    """Answer what those ask for who look after users."""

    @router.handles(PROFILE_FIND)
    async def find_profile(request: wire.FindProfile, caller: RequestContext) -> wire.Profile:
        query = FindProfile(actor=caller.actor, email=request.email, include_deleted=request.include_deleted)
        return profile_to_wire(await app.find_profile.handle(query))

    @router.handles(PROFILE_RESTORE)
    async def restore_profile(request: wire.RestoreProfile, caller: RequestContext) -> wire.Profile:
        command = RestoreProfile(
            context=caller, profile_id=request.id, expected_version=none_if_missing(request.expected_version)
        )
        return profile_to_wire(await app.restore_profile.handle(command))

    @router.handles(PROFILE_ERASE)
    async def erase_profile(request: wire.EraseProfile, caller: RequestContext) -> wire.ErasedProfile:
        command = EraseProfile(
            context=caller, profile_id=request.id, expected_version=none_if_missing(request.expected_version)
        )
        erased = await app.erase_profile.handle(command)
        return wire.ErasedProfile(id=erased.id, version=erased.version, erased_at=erased.updated_at)

    @router.handles(PROFILE_EXPORT)
    async def export_profile(request: wire.ExportProfile, caller: RequestContext) -> wire.ExportedProfile:
        page_request = PageRequest(request.limit, none_if_missing(request.cursor))
        query = ExportPage(actor=caller.actor, profile_id=request.id, page_request=page_request)
        page = await app.export_page.handle(query)
        return wire.ExportedProfile(
            profile=_plain(page.profile),
            sessions=tuple(map(_plain, page.sessions)),
            posts=tuple(map(_plain, page.posts)),
            next_cursor=page.next_cursor,
        )


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return *record* with times as everywhere on the wire."""
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in record.items()}


def _last_name(said: str | MISSING | None) -> str | None:
    """Return a last name, or an empty one if there is none, or `None` if nothing is said."""
    return "" if said is None else none_if_missing(said)


def _patch(request: wire.UpdateProfile) -> ProfilePatch:
    email, role, status = (
        none_if_missing(request.email),
        none_if_missing(request.role),
        none_if_missing(request.status),
    )
    return ProfilePatch(
        first_name=none_if_missing(request.first_name),
        last_name=_last_name(request.last_name),
        email=Email.parse(email) if email else None,
        role=Role(role) if role else None,
        status=Status(status) if status else None,
        attributes=none_if_missing(request.attributes),
    )


def _filters(request: wire.ListProfiles) -> ProfileFilter:
    prefix, role, status = (
        none_if_missing(request.email_prefix),
        none_if_missing(request.role),
        none_if_missing(request.status),
    )
    return ProfileFilter(
        email_prefix=email_prefix(prefix) if prefix else None,
        role=Role(role) if role else None,
        status=Status(status) if status else None,
    )


def profile_to_wire(profile: Profile) -> wire.Profile:
    """Return *profile* as whoever may see all of it sees it."""
    return wire.Profile(
        id=profile.id,
        oid=profile.oid,
        first_name=profile.first_name,
        last_name=profile.last_name,
        email=profile.email.typed,
        role=wire.Role(profile.role),
        status=wire.Status(profile.status),
        created_at=profile.created_at,
        updated_at=profile.updated_at,
        version=profile.version,
        email_verified=profile.email_verified,
        attributes=dict(profile.attributes),
        totp_enrolled=profile.totp is not None,
    )
