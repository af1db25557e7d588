"""What the fake does with logins, sessions and tokens."""

import secrets
from uuid import UUID

from pydantic import MISSING

from profile_contracts.auth import (
    ChangePassword,
    JsonWebKeySet,
    ListKeys,
    LoggedOut,
    LogIn,
    LogOut,
    Refresh,
    Scope,
    TokenIntrospection,
    Tokens,
    VerifyToken,
)
from profile_contracts.events import PROFILE_UPDATED, SESSION_REVOKED
from profile_contracts.profiles import Role
from profile_contracts.testing.credentials import find_by_email, new_password, verify_password
from profile_contracts.testing.memory import Account, Memory, RequestContext, Session, User
from profile_contracts.testing.refusals import refused


def log_in(memory: Memory, request: LogIn, _: RequestContext) -> Tokens:
    """Open a session."""
    account = verify_password(find_by_email(memory, request.email), request.password)
    tokens = _opened(memory, account, memory.new_id())
    return tokens.model_copy(update={"device_token": secrets.token_urlsafe(24)})


def refresh(memory: Memory, request: Refresh, _: RequestContext) -> Tokens:
    """Give the next refresh token; the same again, until that is used."""
    token = request.refresh_token.get_secret_value()
    session = next((each for each in memory.sessions.values() if token in each.refresh_tokens), None)
    if session is None:
        raise refused("refresh_token_invalid")
    latest = len(session.refresh_tokens) - 1
    generation = session.refresh_tokens.index(token)
    if generation < latest - 1:
        _end(memory, session, "reuse")
        raise refused("refresh_token_reused")
    if generation == latest:
        session.refresh_tokens.append(secrets.token_urlsafe(48))
    return _tokens(memory, memory.account(session.user_id), session)


def log_out(memory: Memory, request: LogOut, context: RequestContext) -> LoggedOut:
    """End sessions of the user who asks, or as administrator of another one."""
    user = context.require_user()
    user_id = user.id if request.user_id is MISSING else request.user_id
    if user_id != user.id and user.role is not Role.ADMIN:
        raise refused("not_allowed")
    of_another = user_id != user.id and request.scope in {Scope.LOCAL, Scope.OTHERS}
    if (request.scope is MISSING) is (request.session_id is MISSING) or of_another:
        raise refused("sessions_unclear")
    named = user.session_id if request.scope is Scope.LOCAL else request.session_id
    kept = user.session_id if request.scope is Scope.OTHERS else None
    mine = [each for each in memory.sessions.values() if each.user_id == user_id and each.id != kept]
    ended = [each for each in mine if named in (MISSING, each.id)]
    for each in ended:
        _end(memory, each, "logout")
    return LoggedOut(revoked=len(ended))


def verify(memory: Memory, request: VerifyToken, _: RequestContext) -> TokenIntrospection:
    """Tell whether an access token is good."""
    token = request.token.get_secret_value()
    user = memory.context(token, "", "").user
    if user is None:
        return TokenIntrospection(active=False)
    expires_at = memory.access_tokens[token][1]
    return TokenIntrospection(active=True, sub=user.id, sid=user.session_id, role=user.role, exp=expires_at)


def change_password(memory: Memory, request: ChangePassword, context: RequestContext) -> Tokens:
    """Change the password; the same command again opens another session."""
    user = context.user or context.former_user
    if user is None:
        raise context.auth_error

    def again(_: Tokens) -> Tokens:
        account = verify_password(memory.account(user.id), request.new_password)
        return _opened(memory, account, memory.new_id())

    return memory.once(context, user.id, lambda: _changed(memory, request, context), again)


def keys(memory: Memory, _: ListKeys, __: RequestContext) -> JsonWebKeySet:
    """Return the public keys."""
    return JsonWebKeySet(keys=(memory.signer.public_key,))


def end_all(memory: Memory, user_id: UUID, reason: str, kept: UUID | None = None) -> None:
    """End all sessions of a user but a *kept* one."""
    for each in [session for session in memory.sessions.values() if session.user_id == user_id]:
        del memory.sessions[each.id]
    data = {
        "user_id": user_id,
        "session_ids": (),
        "spared_session_id": kept,
        "revoked_before": int(memory.now().timestamp() * 1000) + 1,
        "reason": reason,
    }
    memory.publish(SESSION_REVOKED, user_id, data)


def _end(memory: Memory, session: Session, reason: str) -> None:
    del memory.sessions[session.id]
    data = {"user_id": session.user_id, "session_ids": (session.id,), "reason": reason}
    memory.publish(SESSION_REVOKED, session.id, data)


def _changed(memory: Memory, request: ChangePassword, context: RequestContext) -> Tokens:
    account = verify_password(memory.account(context.require_user().id), request.current_password)
    before = account.profile
    personal = (before.first_name, before.last_name, before.email)
    account.password = new_password(request.new_password, "new_password", *personal)
    profile = before.model_copy(update={"version": before.version + 1, "updated_at": memory.now()})
    account.profile = profile
    data = {"id": profile.id, "version": profile.version, "changed": ("password",)}
    memory.publish(PROFILE_UPDATED, profile.id, data)
    session_id = memory.new_id()
    end_all(memory, profile.id, "password_changed", kept=session_id)
    return _opened(memory, account, session_id)


def _opened(memory: Memory, account: Account, session_id: UUID) -> Tokens:
    session = Session(session_id, account.profile.id, [secrets.token_urlsafe(48)])
    memory.sessions[session.id] = session
    return _tokens(memory, account, session)


def _tokens(memory: Memory, account: Account, session: Session) -> Tokens:
    user = User(account.profile.id, account.profile.role, session.id)
    token, expires_at = memory.signer.issue(user, memory.now())
    memory.access_tokens[token] = user, expires_at
    return Tokens(
        access_token=token,
        expires_in=memory.signer.lifetime,
        refresh_token=session.refresh_tokens[-1],
        profile_id=user.id,
        device_token=MISSING,
    )
