"""What the fake does with profiles that go, and come back."""

from typing import Any, Final

from profile_contracts.events import PROFILE_DELETED, PROFILE_ERASED
from profile_contracts.profiles import (
    DeletedProfile,
    DeleteProfile,
    ErasedProfile,
    EraseProfile,
    Profile,
    RestoreProfile,
    Status,
)
from profile_contracts.testing import posts, sessions
from profile_contracts.testing.credentials import require_free_email
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.profiles import require_other_admin
from profile_contracts.testing.records import Account
from profile_contracts.testing.refusals import refused, require_version
from profile_contracts.testing.request_context import RequestContext

_DELETED: Final[dict[str, Any]] = {"status": Status.DELETED}
_BLANK: Final[dict[str, Any]] = {"first_name": "", "last_name": "", "email": ""}


def delete(memory: Memory, request: DeleteProfile, context: RequestContext) -> DeletedProfile:
    """Delete a profile and the posts of its user; the same command again gets the same."""

    def deleted() -> DeletedProfile:
        context.require_authenticated()
        account = memory.account(request.id)
        context.require_owner(request.id)
        require_version(request.expected_version, account.profile.version)
        return _deleted(memory, account)

    if context.former_user is None:
        context.require_authenticated()
    return memory.once(context, request.id, deleted, lambda before: before)


def restore(memory: Memory, request: RestoreProfile, context: RequestContext) -> Profile:
    """Bring a deleted profile back, and the posts that went with it."""
    context.require_operator()
    account = memory.account_including_deleted(request.id)
    return memory.once(
        context,
        request.id,
        lambda: _restored(memory, account, request),
        lambda _: memory.account(request.id).profile,
    )


def erase(memory: Memory, request: EraseProfile, context: RequestContext) -> ErasedProfile:
    """Leave nothing but a name of a profile, and of the posts of its user."""
    context.require_operator()
    account = memory.account_including_deleted(request.id)
    version = account.profile.version
    if not account.is_erased:
        require_version(request.expected_version, version)
        _erase(memory, account)
    elif request.expected_version != version - 1:  # by this very command, for all that anybody can tell
        require_version(request.expected_version, version)
    left = account.profile
    return ErasedProfile(id=left.id, version=left.version, erased_at=left.updated_at)


def _deleted(memory: Memory, account: Account) -> DeletedProfile:
    require_other_admin(memory, account, _DELETED)
    account.previous_status = account.profile.status
    after = memory.save_profile(account, _DELETED, PROFILE_DELETED)
    sessions.end_all(memory, account, "deleted")
    posts.delete_with_owner(memory, after.id)
    return DeletedProfile(id=after.id, status=Status.DELETED, deleted_at=after.updated_at)


def _restored(memory: Memory, account: Account, request: RestoreProfile) -> Profile:
    if account.is_erased or not account.is_deleted:
        raise refused("not_deleted")
    require_version(request.expected_version, account.profile.version)
    require_free_email(memory, account.profile.email)
    after = memory.save_profile(account, {"status": account.previous_status})
    posts.restore_with_owner(memory, after.id)
    return after


def _erase(memory: Memory, account: Account) -> None:
    require_other_admin(memory, account, _DELETED)
    verified = {"email_verified": False} if account.profile.email_verified else {}
    was_deleted = account.is_deleted
    memory.save_profile(account, {**_BLANK, **_DELETED, **verified}, PROFILE_ERASED, "password")
    account.password, account.is_erased = "", True
    if not was_deleted:
        sessions.end_all(memory, account, "deleted")
    memory.forget_commands(account.profile.id)
    posts.erase_of(memory, account.profile.id)
