"""What the fake does with tokens that are sent to an address."""

import secrets
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from profile_contracts.auth import (
    PasswordReset,
    ResetPassword,
    ResetStarted,
    StartReset,
    StartVerification,
    VerificationStarted,
    VerifyEmail,
)
from profile_contracts.operations import AUTH_RESET_PASSWORD, AUTH_VERIFY_EMAIL, Operation
from profile_contracts.profiles import Profile
from profile_contracts.testing.credentials import find_by_email, require_email
from profile_contracts.testing.logins import set_password
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.records import Account, OneTimeToken
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.request_context import RequestContext

_LIFETIME: Final = timedelta(minutes=30)
_SECONDS: Final = int(_LIFETIME.total_seconds())


def start_reset(memory: Memory, request: StartReset, context: RequestContext) -> ResetStarted:
    """Give a trusted service a token by which a forgotten password is reset."""
    context.require_authenticated()
    if not context.is_trusted:
        raise refused("not_allowed")
    require_email(request.email)
    account = find_by_email(memory, request.email)
    if account is None or not account.may_log_in:
        raise refused("profile_not_found", field="id")
    token = _issued(memory, account, AUTH_RESET_PASSWORD)
    profile = account.profile
    return ResetStarted(token=token, profile_id=profile.id, email=profile.email, expires_in=_SECONDS)


def reset_password(memory: Memory, request: ResetPassword, context: RequestContext) -> PasswordReset:
    """Set a new password, which uses the token up; the same command again gets the same."""
    token = _read(memory, request.token, AUTH_RESET_PASSWORD)
    account = memory.account_including_deleted(token.profile_id)
    done = PasswordReset(profile_id=token.profile_id)
    if not _is_good(token, account):
        _require_done(memory, account, context)
        return done

    def reset() -> PasswordReset:
        set_password(memory, account, request.new_password)
        return done

    return memory.once(context, token.profile_id, reset, lambda before: before)


def start_verification(
    memory: Memory, request: StartVerification, context: RequestContext
) -> VerificationStarted:
    """Give a token by which the address of a profile is verified."""
    context.require_owner(request.id)
    account = memory.account(request.id)
    if account.profile.email_verified:
        raise refused("email_already_verified")
    token = _issued(memory, account, AUTH_VERIFY_EMAIL)
    return VerificationStarted(token=token, email=account.profile.email, expires_in=_SECONDS)


def verify_email(memory: Memory, request: VerifyEmail, context: RequestContext) -> Profile:
    """Note that an address is verified; the same command again shows the profile as it is now."""
    token = _read(memory, request.token, AUTH_VERIFY_EMAIL)
    account = memory.account_including_deleted(token.profile_id)
    if account.profile.email_verified or not _is_good(token, account):
        _require_done(memory, account, context)
        return account.profile
    return memory.once(
        context,
        token.profile_id,
        lambda: memory.save_profile(account, {"email_verified": True}),
        lambda _: account.profile,
    )


def _issued(memory: Memory, account: Account, operation: Operation[Any, Any]) -> str:
    """Return a new token for *operation*."""
    text = secrets.token_urlsafe(48)
    memory.one_time_tokens[text] = OneTimeToken(
        operation.queue, account.profile.id, account.credentials_version, memory.now() + _LIFETIME
    )
    return text


def _read(memory: Memory, given: SecretStr, operation: Operation[Any, Any]) -> OneTimeToken:
    """Return a token that was given for *operation*, used or not, or raise `Unauthenticated`."""
    token = memory.one_time_tokens.get(given.get_secret_value())
    if token is None or token.queue != operation.queue or memory.now() >= token.expires_at:
        raise refused("one_time_token_invalid")
    return token


def _is_good(token: OneTimeToken, account: Account) -> bool:
    return not account.is_deleted and account.credentials_version == token.credentials_version


def _require_done(memory: Memory, account: Account, context: RequestContext) -> None:
    """Raise `Unauthenticated` unless this very command has used its token: its reply may be lost."""
    if not account.may_log_in or not memory.is_done(context, account.profile.id):
        raise refused("one_time_token_invalid")
