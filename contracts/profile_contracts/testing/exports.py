"""What the fake tells of all that is held about a user. The service tells more."""

from typing import Any

from profile_contracts.fields import rfc3339
from profile_contracts.profiles import ExportedProfile, ExportProfile
from profile_contracts.testing import posts, sessions
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.pages import page
from profile_contracts.testing.records import Account, PostRecord, Session
from profile_contracts.testing.request_context import RequestContext


def export(memory: Memory, request: ExportProfile, context: RequestContext) -> ExportedProfile:
    """Return the profile, the sessions, and a page of the posts, deleted ones too, the oldest first."""
    context.require_owner(request.id)
    account = memory.account_including_deleted(request.id)
    written = posts.of_user(memory, request.id)
    items, cursor = page(request, written, lambda each: str(each.post.id), descending=False)
    return ExportedProfile(
        profile=_profile(account),
        sessions=tuple(map(_session, sessions.of_user(memory, request.id))),
        posts=tuple(map(_post, items)),
        next_cursor=cursor,
    )


def _profile(account: Account) -> dict[str, Any]:
    record = account.profile.model_dump(mode="json", exclude={"email_verified", "totp_enrolled"})
    return {**record, "status": "erased"} if account.is_erased else record


def _session(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "user_id": str(session.user_id),
        "created_at": rfc3339(session.created_at),
        "rotated_at": rfc3339(session.last_used_at),
        "generation": len(session.refresh_tokens) - 1,
    }


def _post(record: PostRecord) -> dict[str, Any]:
    post = record.post.model_dump(mode="json")
    return {**post, "status": "erased"} if record.is_erased else post
