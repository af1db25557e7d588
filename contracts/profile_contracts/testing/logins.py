"""What the fake does with logins, passwords and tokens."""

import secrets
from uuid import UUID

from pydantic import MISSING, SecretStr

from profile_contracts.auth import (
    ChangePassword,
    JsonWebKeySet,
    ListKeys,
    LogIn,
    Refresh,
    TokenIntrospection,
    Tokens,
    UnlockAccount,
    Unlocked,
    VerifyToken,
)
from profile_contracts.events import PROFILE_UPDATED
from profile_contracts.testing.credentials import find_by_email, new_password, verify_password
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.records import Account, Session
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.request_context import Origin, RequestContext, User
from profile_contracts.testing.second_factor import require_code
from profile_contracts.testing.sessions import end, end_all, end_oldest


def log_in(memory: Memory, request: LogIn, context: RequestContext) -> Tokens:
    """Open a session."""
    account = verify_password(find_by_email(memory, request.email), request.password)
    if memory.rules.login_needs_verified_email and not account.profile.email_verified:
        raise refused("email_not_verified")
    require_code(account, request.otp, memory.now())
    former, with_code = request.refresh_token, account.second_factor is not None
    session_id = _new_session_id(memory, account)
    tokens = _opened(memory, account, session_id, context.origin, former, with_code=with_code)
    return tokens.model_copy(update={"device_token": secrets.token_urlsafe(24)})


def refresh(memory: Memory, request: Refresh, _: RequestContext) -> Tokens:
    """Give the next refresh token; the same again, until that is used."""
    token = request.refresh_token.get_secret_value()
    session = _session_of(memory, token)
    if session is None:
        raise refused("refresh_token_invalid")
    if token not in session.good_refresh_tokens:
        end(memory, session, "reuse")
        raise refused("refresh_token_reused")
    if token == session.refresh_tokens[-1]:
        session.refresh_tokens.append(secrets.token_urlsafe(48))
        session.last_used_at = memory.now()
    return _tokens(memory, memory.account(session.user_id), session)


def verify(memory: Memory, request: VerifyToken, _: RequestContext) -> TokenIntrospection:
    """Tell whether an access token is good."""
    token = request.token.get_secret_value()
    user = memory.context(token).user
    if user is None:
        return TokenIntrospection(active=False)
    expires_at = memory.access_tokens[token][1]
    return TokenIntrospection(active=True, sub=user.id, sid=user.session_id, role=user.role, exp=expires_at)


def change_password(memory: Memory, request: ChangePassword, context: RequestContext) -> Tokens:
    """Change the password; the same command again opens another session."""
    user = context.user or context.former_user or context.require_user()

    def again(_: Tokens) -> Tokens:
        account = verify_password(memory.account(user.id), request.new_password)
        session_id = _new_session_id(memory, account)
        return _opened(memory, account, session_id, context.origin, with_code=user.with_code)

    return memory.once(context, user.id, lambda: _changed(memory, request, context), again)


def unlock(memory: Memory, request: UnlockAccount, context: RequestContext) -> Unlocked:
    """Do nothing: no wrong password is counted here."""
    context.require_operator()
    memory.account(request.id)
    return Unlocked()


def keys(memory: Memory, _: ListKeys, __: RequestContext) -> JsonWebKeySet:
    """Return the public keys."""
    return JsonWebKeySet(keys=(memory.signer.public_key,))


def set_password(memory: Memory, account: Account, password: SecretStr, kept: UUID | None = None) -> None:
    """Set a new password, which ends all sessions but one that may be about to open."""
    account.password = new_password(memory, password, "new_password", *account.personal_words)
    memory.save_profile(account, {}, PROFILE_UPDATED, "password")
    end_all(memory, account, "password_changed", kept)


def _changed(memory: Memory, request: ChangePassword, context: RequestContext) -> Tokens:
    user = context.require_user()
    account = verify_password(memory.account(user.id), request.current_password)
    session_id, with_code = memory.new_id(), memory.sessions[user.session_id].with_code
    set_password(memory, account, request.new_password, session_id)
    return _opened(memory, account, session_id, context.origin, with_code=with_code)


def _new_session_id(memory: Memory, account: Account) -> UUID:
    """Return an id of a time after what has last happened to the user: it may have ended all before it."""
    return memory.new_id(after=account.profile.updated_at)


def _opened(
    memory: Memory,
    account: Account,
    session_id: UUID,
    origin: Origin,
    former: SecretStr | MISSING = MISSING,
    *,
    with_code: bool,
) -> Tokens:
    now = memory.now()
    session = Session(
        session_id, account.profile.id, now, now, origin, [secrets.token_urlsafe(48)], with_code
    )
    memory.sessions[session.id] = session
    if former is not MISSING:
        _end_former(memory, former.get_secret_value())
    end_oldest(memory, session.user_id)
    return _tokens(memory, account, session)


def _end_former(memory: Memory, refresh_token: str) -> None:
    session = _session_of(memory, refresh_token)
    if session and refresh_token in session.good_refresh_tokens:
        end(memory, session, "login")


def _session_of(memory: Memory, refresh_token: str) -> Session | None:
    return next((each for each in memory.sessions.values() if refresh_token in each.refresh_tokens), None)


def _tokens(memory: Memory, account: Account, session: Session) -> Tokens:
    user = User(account.profile.id, account.profile.role, session.id, session.with_code)
    token, expires_at = memory.signer.issue(user, memory.now())
    memory.access_tokens[token] = user, expires_at
    return Tokens(
        access_token=token,
        expires_in=memory.signer.lifetime,
        refresh_token=session.refresh_tokens[-1],
        profile_id=user.id,
        device_token=MISSING,
    )
