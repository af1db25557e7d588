"""What the fake does with the sessions that users have."""

from uuid import UUID

from pydantic import MISSING

from profile_contracts.auth import ListSessions, LoggedOut, LogOut, Scope, SessionList
from profile_contracts.auth import Session as ListedSession
from profile_contracts.events import SESSION_REVOKED
from profile_contracts.profiles import Role
from profile_contracts.testing.credentials import verify_current_password
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.records import Account, Session
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.request_context import RequestContext, User


def log_out(memory: Memory, request: LogOut, context: RequestContext) -> LoggedOut:
    """End sessions of the user who asks, or as administrator of another one."""
    user = context.require_user()
    user_id = user.id if request.user_id is MISSING else request.user_id
    _require_code(context, user_id)
    if user_id != user.id and user.role is not Role.ADMIN:
        raise refused("not_allowed")
    of_another = user_id != user.id and request.scope in {Scope.LOCAL, Scope.OTHERS}
    if (request.scope is MISSING) is (request.session_id is MISSING) or of_another:
        raise refused("sessions_unclear", field="scope")
    is_password_looked_at = memory.rules.logout_needs_password or request.current_password is not MISSING
    ends_others = request.scope is not Scope.LOCAL and request.session_id != user.session_id
    if user_id == user.id and ends_others and is_password_looked_at:
        verify_current_password(memory.account(user_id), request.current_password)
    named = user.session_id if request.scope is Scope.LOCAL else request.session_id
    kept = user.session_id if request.scope is Scope.OTHERS else None
    mine = of_user(memory, user_id)
    ended = [each for each in mine if each.id != kept and named in (MISSING, each.id)]
    for each in ended:
        end(memory, each, "logout")
    return LoggedOut(revoked=len(ended))


def list_all(memory: Memory, request: ListSessions, context: RequestContext) -> SessionList:
    """Return the sessions of a user, the one that was used last first."""
    user_id = context.require_user().id if request.user_id is MISSING else request.user_id
    _require_code(context, user_id)
    context.require_owner(user_id)
    memory.account(user_id)
    mine = sorted(of_user(memory, user_id), key=lambda each: (each.last_used_at, each.id), reverse=True)
    return SessionList(items=tuple(_listed(each, context.user) for each in mine))


def of_user(memory: Memory, user_id: UUID) -> list[Session]:
    """Return the sessions that a user has."""
    return [each for each in memory.sessions.values() if each.user_id == user_id]


def end_all(memory: Memory, account: Account, reason: str, kept: UUID | None = None) -> None:
    """End all sessions of a user but a *kept* one, all one-time tokens and all enrolments."""
    user_id = account.profile.id
    account.credentials_version += 1
    account.enrolments.clear()
    for each in of_user(memory, user_id):
        del memory.sessions[each.id]
    data = {
        "user_id": user_id,
        "session_ids": (),
        "spared_session_id": kept,
        "revoked_before": int(memory.now().timestamp() * 1000) + 1,
        "reason": reason,
    }
    memory.publish(SESSION_REVOKED, user_id, data)


def end(memory: Memory, session: Session, reason: str) -> None:
    """End a session."""
    del memory.sessions[session.id]
    data = {"user_id": session.user_id, "session_ids": (session.id,), "reason": reason}
    memory.publish(SESSION_REVOKED, session.id, data)


def end_oldest(memory: Memory, user_id: UUID) -> None:
    """End the sessions of a user beyond as many as one may have."""
    mine = sorted(of_user(memory, user_id), key=lambda each: (each.created_at, each.id))
    for each in mine[: -memory.rules.max_sessions]:
        end(memory, each, "too_many_sessions")


def _require_code(context: RequestContext, owner_id: UUID) -> None:
    """Raise `Forbidden` if a second factor is needed for what is about somebody else."""
    if context.lacks_code and context.user and context.user.id != owner_id:
        raise refused("second_factor_needed")


def _listed(session: Session, user: User | None) -> ListedSession:
    return ListedSession(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        client_ip=session.origin.client_ip or MISSING,
        user_agent=session.origin.user_agent or MISSING,
        current=user is not None and user.session_id == session.id,
    )
