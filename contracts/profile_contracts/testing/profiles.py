"""What the fake does with profiles."""

import secrets
from typing import Any

from pydantic import MISSING

from profile_contracts.events import PROFILE_CREATED
from profile_contracts.profiles import (
    CreateProfile,
    FindProfile,
    GetProfile,
    ListProfiles,
    Profile,
    ProfilePage,
    PublicProfile,
    Role,
    Status,
    UpdateProfile,
)
from profile_contracts.testing import sessions
from profile_contracts.testing.credentials import (
    email_key,
    find_by_email,
    find_deleted_by_email,
    new_password,
    require_email,
    require_free_email,
    verify_current_password,
)
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.pages import page
from profile_contracts.testing.records import Account
from profile_contracts.testing.refusals import refused, require_version
from profile_contracts.testing.request_context import RequestContext


def create(memory: Memory, request: CreateProfile, context: RequestContext) -> Profile:
    """Sign a user up."""
    if request.role is not Role.USER:
        context.require_authenticated()
        if not context.is_operator:
            raise refused("role_not_allowed", field="role")
    return memory.once(
        context, None, lambda: _created(memory, request), lambda it: memory.account(it.id).profile
    )


def get(memory: Memory, request: GetProfile, context: RequestContext) -> Profile | PublicProfile:
    """Return a profile as whoever asks may see it."""
    context.require_authenticated()
    profile = memory.account(request.id).profile
    return profile if context.is_for(profile.id) else PublicProfile.model_validate(profile.model_dump())


def update(memory: Memory, request: UpdateProfile, context: RequestContext) -> Profile:
    """Change some fields of a profile."""
    context.require_authenticated()
    user = context.user
    if request.email is not MISSING and user and user.id == request.id:
        verify_current_password(memory.account(request.id), request.current_password)
    account = memory.account(request.id)
    context.require_owner(request.id)
    is_for_admins = request.role is not MISSING or request.status is not MISSING
    if is_for_admins and not (user and user.role is Role.ADMIN):
        raise refused("not_allowed")
    return memory.once(
        context,
        request.id,
        lambda: _updated(memory, account, request),
        lambda it: memory.account(it.id).profile,
    )


def list_all(memory: Memory, request: ListProfiles, context: RequestContext) -> ProfilePage:
    """Return a page of profiles."""
    context.require_operator()
    prefix = email_key(request.email_prefix) if isinstance(request.email_prefix, str) else None
    found = [
        each.profile
        for each in memory.accounts.values()
        if not each.is_deleted
        and request.status in (MISSING, each.profile.status)
        and request.role in (MISSING, each.profile.role)
        and email_key(each.profile.email).startswith(prefix or "")
    ]
    items, cursor = page(
        request,
        found,
        (lambda each: str(each.id)) if prefix is None else (lambda each: email_key(each.email)),
        descending=prefix is None,
    )
    return ProfilePage(items=items, next_cursor=cursor)


def find(memory: Memory, request: FindProfile, context: RequestContext) -> Profile:
    """Return the profile that has an address, or had it when it was deleted."""
    context.require_operator()
    require_email(request.email)
    found = find_by_email(memory, request.email)
    if found is None and request.include_deleted:
        found = find_deleted_by_email(memory, request.email)
    if found is None:
        raise refused("profile_not_found", field="id")
    return found.profile


def require_other_admin(memory: Memory, account: Account, patch: dict[str, Any]) -> None:
    """Raise `Conflict` if nobody could administrate after that."""
    before = account.profile
    if _may_administrate(before) and not _may_administrate(before.model_copy(update=patch)):
        others = [each.profile for each in memory.accounts.values() if each is not account]
        if not any(map(_may_administrate, others)):
            raise refused("last_admin")


def _created(memory: Memory, request: CreateProfile) -> Profile:
    require_free_email(memory, request.email)
    last_name = request.last_name if isinstance(request.last_name, str) else ""
    password = new_password(
        memory, request.password, "password", request.first_name, last_name, request.email
    )
    now = memory.now()
    profile = Profile(
        id=memory.new_id(),
        oid=secrets.token_hex(12),
        first_name=request.first_name,
        last_name=last_name,
        email=request.email,
        role=request.role,
        status=Status.ACTIVE,
        created_at=now,
        updated_at=now,
        version=1,
        attributes={} if request.attributes is MISSING else request.attributes,
    )
    memory.accounts[profile.id] = Account(profile, password)
    memory.publish(PROFILE_CREATED, profile.id, {"id": profile.id, "version": 1, "changed": ()})
    return profile


def _updated(memory: Memory, account: Account, request: UpdateProfile) -> Profile:
    patch = _patch(memory, account, request)
    require_version(request.expected_version, account.profile.version)
    if not patch:
        return account.profile
    require_other_admin(memory, account, patch)
    after = memory.save_profile(account, patch)
    if "email" in patch:
        account.credentials_version += 1
    if patch.get("status") is Status.SUSPENDED:
        sessions.end_all(memory, account, "suspended")
    elif "role" in patch:
        sessions.end_all(memory, account, "role_changed")
    return after


def _patch(memory: Memory, account: Account, request: UpdateProfile) -> dict[str, Any]:
    """Return what *request* names and the profile does not have yet."""
    given = request.model_dump(exclude={"id", "expected_version", "current_password"})
    if not given:
        raise refused("nothing_to_change")
    if isinstance(request.email, str):
        require_free_email(memory, request.email, account)
        if email_key(request.email) != email_key(account.profile.email):
            given["email_verified"] = False
    if request.last_name is None:
        given["last_name"] = ""
    if isinstance(request.attributes, dict):
        merged = {**account.profile.attributes, **request.attributes}
        given["attributes"] = {name: value for name, value in merged.items() if value is not None}
    if "status" in given:
        given["status"] = Status(given["status"])
    return {name: value for name, value in given.items() if getattr(account.profile, name) != value}


def _may_administrate(profile: Profile) -> bool:
    return profile.role is Role.ADMIN and profile.status is Status.ACTIVE
