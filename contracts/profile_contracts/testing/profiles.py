"""What the fake does with profiles."""

import secrets
from typing import Any
from uuid import UUID

from pydantic import MISSING, SecretStr

from profile_contracts.events import POST_DELETED, PROFILE_CREATED, PROFILE_DELETED, PROFILE_UPDATED
from profile_contracts.profiles import (
    CreateProfile,
    DeletedProfile,
    DeleteProfile,
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
from profile_contracts.testing.credentials import email_key, new_password, require_free_email, verify_password
from profile_contracts.testing.memory import Account, Memory, RequestContext, User
from profile_contracts.testing.pages import page
from profile_contracts.testing.refusals import refused


def create(memory: Memory, request: CreateProfile, context: RequestContext) -> Profile:
    """Sign a user up."""
    if request.role is not Role.USER:
        if context.user is None:
            raise context.auth_error
        if context.user.role is not Role.ADMIN:
            raise refused("role_not_allowed", field="role")
    return memory.once(
        context, None, lambda: _created(memory, request), lambda it: memory.account(it.id).profile
    )


def get(memory: Memory, request: GetProfile, context: RequestContext) -> Profile | PublicProfile:
    """Return a profile as whoever asks may see it."""
    user = context.require_user()
    profile = memory.account(request.id).profile
    return (
        profile
        if _is_owner_or_admin(user, profile.id)
        else PublicProfile.model_validate(profile.model_dump())
    )


def update(memory: Memory, request: UpdateProfile, context: RequestContext) -> Profile:
    """Change some fields of a profile."""
    user = context.require_user()
    if request.email is not MISSING and user.id == request.id:
        if not isinstance(request.current_password, SecretStr):
            raise refused("current_password_required", field="current_password")
        verify_password(memory.account(request.id), request.current_password)
    account = memory.account(request.id)
    is_for_admins = request.role is not MISSING or request.status is not MISSING
    if not _is_owner_or_admin(user, request.id) or (is_for_admins and user.role is not Role.ADMIN):
        raise refused("not_allowed")
    return memory.once(
        context,
        request.id,
        lambda: _updated(memory, account, request),
        lambda it: memory.account(it.id).profile,
    )


def delete(memory: Memory, request: DeleteProfile, context: RequestContext) -> DeletedProfile:
    """Delete a profile and the posts of its user; the same command again hears the same."""
    user = context.user or context.former_user

    def deleted() -> DeletedProfile:
        known = context.require_user()
        account = memory.account(request.id)
        if not _is_owner_or_admin(known, request.id):
            raise refused("not_allowed")
        return _deleted(memory, account, request)

    if user is None:
        raise context.auth_error
    return memory.once(context, request.id, deleted, lambda before: before)


def list_all(memory: Memory, request: ListProfiles, context: RequestContext) -> ProfilePage:
    """Return a page of profiles."""
    if context.require_user().role is not Role.ADMIN:
        raise refused("not_allowed")
    prefix = email_key(request.email_prefix) if isinstance(request.email_prefix, str) else None
    found = [
        each.profile
        for each in memory.accounts.values()
        if request.status in (MISSING, each.profile.status)
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


def publish_updated(memory: Memory, profile: Profile, *changed: str) -> None:
    """Publish that fields of *profile* have changed."""
    data = {"id": profile.id, "version": profile.version, "changed": sorted(changed)}
    memory.publish(PROFILE_UPDATED, profile.id, data)


def _created(memory: Memory, request: CreateProfile) -> Profile:
    require_free_email(memory, request.email)
    personal = (request.first_name, request.last_name, request.email)
    password = new_password(request.password, "password", *personal)
    now = memory.now()
    profile = Profile(
        id=memory.new_id(),
        oid=secrets.token_hex(12),
        first_name=request.first_name,
        last_name=request.last_name,
        email=request.email,
        role=request.role,
        status=Status.ACTIVE,
        created_at=now,
        updated_at=now,
        version=1,
    )
    memory.accounts[profile.id] = Account(profile, password)
    memory.publish(PROFILE_CREATED, profile.id, {"id": profile.id, "version": 1, "changed": ()})
    return profile


def _updated(memory: Memory, account: Account, request: UpdateProfile) -> Profile:
    before = account.profile
    patch = _patch(memory, account, request)
    _require_version(request.expected_version, before.version)
    if not patch:
        return before
    after = _next(memory, before, patch)
    _require_other_admin(memory, before, after)
    account.profile = after
    publish_updated(memory, after, *patch)
    if "status" in patch and after.status is Status.SUSPENDED:
        sessions.end_all(memory, after.id, "suspended")
    elif "role" in patch:
        sessions.end_all(memory, after.id, "role_changed")
    return after


def _patch(memory: Memory, account: Account, request: UpdateProfile) -> dict[str, Any]:
    """Return what *request* names and the profile does not have yet."""
    given = request.model_dump(exclude={"id", "expected_version", "current_password"})
    if not given:
        raise refused("nothing_to_change")
    if isinstance(request.email, str):
        require_free_email(memory, request.email, account)
    if "status" in given:
        given["status"] = Status(given["status"])
    return {name: value for name, value in given.items() if getattr(account.profile, name) != value}


def _deleted(memory: Memory, account: Account, request: DeleteProfile) -> DeletedProfile:
    before = account.profile
    _require_version(request.expected_version, before.version)
    after = _next(memory, before, {"status": Status.DELETED})
    _require_other_admin(memory, before, after)
    del memory.accounts[after.id]
    data = {"id": after.id, "version": after.version, "changed": ("status",)}
    memory.publish(PROFILE_DELETED, after.id, data)
    sessions.end_all(memory, after.id, "deleted")
    for each in [post for post in memory.posts.values() if post.user_id == after.id]:
        del memory.posts[each.id]
        gone = {"id": each.id, "user_id": after.id, "version": each.version + 1, "changed": ("status",)}
        memory.publish(POST_DELETED, each.id, gone)
    return DeletedProfile(id=after.id, status=Status.DELETED, deleted_at=after.updated_at)


def _next(memory: Memory, before: Profile, patch: dict[str, Any]) -> Profile:
    return before.model_copy(update={**patch, "version": before.version + 1, "updated_at": memory.now()})


def _require_version(expected: Any, version: int) -> None:  # noqa: ANN401 - an integer, or missing
    if expected not in (MISSING, version):
        raise refused("stale_version", field="expected_version")


def _require_other_admin(memory: Memory, before: Profile, after: Profile) -> None:
    if _may_administrate(before) and not _may_administrate(after):
        others = [each.profile for each in memory.accounts.values() if each.profile.id != before.id]
        if not any(map(_may_administrate, others)):
            raise refused("last_admin")


def _may_administrate(profile: Profile) -> bool:
    return profile.role is Role.ADMIN and profile.status is Status.ACTIVE


def _is_owner_or_admin(user: User, profile_id: UUID) -> bool:
    return user.id == profile_id or user.role is Role.ADMIN
