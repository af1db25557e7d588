"""Requests about logins, sessions and keys: from the wire to a command or query, and back."""

from typing import Final

from pydantic import MISSING

from profile_contracts import auth as wire
from profile_contracts.operations import (
    AUTH_CHANGE_PASSWORD,
    AUTH_KEYS,
    AUTH_LOGIN,
    AUTH_LOGOUT,
    AUTH_REFRESH,
    AUTH_RESET_PASSWORD,
    AUTH_SESSIONS,
    AUTH_START_RESET,
    AUTH_START_VERIFICATION,
    AUTH_TOTP_CONFIRM,
    AUTH_TOTP_ENROLL,
    AUTH_TOTP_REMOVE,
    AUTH_UNLOCK,
    AUTH_VERIFY,
    AUTH_VERIFY_EMAIL,
)
from profile_contracts.profiles import Profile, Role
from service.app.application import Application
from service.app.auth.change_password import ChangePassword
from service.app.auth.confirm_totp import ConfirmTotp
from service.app.auth.enroll_totp import LIFETIME as ENROLMENT_LIFETIME
from service.app.auth.enroll_totp import EnrollTotp
from service.app.auth.list_sessions import ListSessions, is_current
from service.app.auth.log_in import LogIn
from service.app.auth.log_out import LogOut, Scope
from service.app.auth.one_time_tokens import LIFETIME
from service.app.auth.refresh import Refresh
from service.app.auth.remove_totp import RemoveTotp
from service.app.auth.reset_password import ResetPassword
from service.app.auth.sessions import LoggedIn
from service.app.auth.start_reset import StartReset
from service.app.auth.start_verification import StartVerification
from service.app.auth.unlock_account import UnlockAccount
from service.app.auth.verify_email import VerifyEmail
from service.app.auth.verify_token import VerifyToken
from service.app.request_context import RequestContext
from service.domain.session import Session
from service.infrastructure.inputports.amqp.decoding import none_if_missing, secret_or_none
from service.infrastructure.inputports.amqp.handlers.profiles import profile_to_wire
from service.infrastructure.inputports.amqp.router import Router

_TOKEN_SECONDS: Final = int(LIFETIME.total_seconds())


def subscribe_auth(router: Router, app: Application) -> None:
    """Answer the operations `auth.*`."""

    @router.handles(AUTH_LOGIN)
    async def log_in(request: wire.LogIn, caller: RequestContext) -> wire.Tokens:
        command = LogIn(
            caller,
            request.email,
            request.password.get_secret_value(),
            secret_or_none(request.device_token),
            secret_or_none(request.otp),
            secret_or_none(request.refresh_token),
        )
        return _tokens(await app.log_in.handle(command))

    @router.handles(AUTH_REFRESH)
    async def refresh(request: wire.Refresh, _caller: RequestContext) -> wire.Tokens:
        return _tokens(await app.refresh.handle(Refresh(request.refresh_token.get_secret_value())))

    @router.handles(AUTH_LOGOUT)
    async def log_out(request: wire.LogOut, caller: RequestContext) -> wire.LoggedOut:
        scope = none_if_missing(request.scope)
        command = LogOut(
            caller,
            Scope(scope) if scope else None,
            none_if_missing(request.session_id),
            none_if_missing(request.user_id),
            secret_or_none(request.current_password),
        )
        return wire.LoggedOut(revoked=await app.log_out.handle(command))

    @router.handles(AUTH_SESSIONS)
    async def list_sessions(request: wire.ListSessions, caller: RequestContext) -> wire.SessionList:
        query = ListSessions(caller.actor, none_if_missing(request.user_id))
        found = await app.list_sessions.handle(query)
        return wire.SessionList(items=tuple(_session(each, caller) for each in found))

    @router.handles(AUTH_UNLOCK)
    async def unlock_account(request: wire.UnlockAccount, caller: RequestContext) -> wire.Unlocked:
        await app.unlock_account.handle(UnlockAccount(caller, request.id))
        return wire.Unlocked()

    @router.handles(AUTH_VERIFY)
    async def verify_token(request: wire.VerifyToken, _: RequestContext) -> wire.TokenIntrospection:
        claims = await app.verify_token.handle(VerifyToken(request.token.get_secret_value()))
        if claims is None:
            return wire.TokenIntrospection(active=False)
        return wire.TokenIntrospection(
            active=True,
            sub=claims.user.id,
            sid=claims.user.session,
            role=Role(claims.user.role),
            exp=int(claims.expires_at.timestamp()),
        )

    @router.handles(AUTH_CHANGE_PASSWORD)
    async def change_password(request: wire.ChangePassword, caller: RequestContext) -> wire.Tokens:
        command = ChangePassword(
            caller, request.current_password.get_secret_value(), request.new_password.get_secret_value()
        )
        return _tokens(await app.change_password.handle(command))

    @router.handles(AUTH_KEYS)
    async def list_keys(_: wire.ListKeys, _caller: RequestContext) -> wire.JsonWebKeySet:
        return wire.JsonWebKeySet.model_validate({"keys": app.tokens.public_keys()})

    _subscribe_one_time_tokens(router, app)
    _subscribe_second_factor(router, app)


def _subscribe_second_factor(router: Router, app: Application) -> None:
    """Answer what is done about second factors."""

    @router.handles(AUTH_TOTP_ENROLL)
    async def enroll_totp(request: wire.EnrollTotp, caller: RequestContext) -> wire.TotpEnrolment:
        query = EnrollTotp(caller, request.current_password.get_secret_value())
        enrolment = await app.enroll_totp.handle(query)
        return wire.TotpEnrolment(
            secret=enrolment.secret,
            uri=enrolment.uri,
            enrolment=enrolment.sealed,
            expires_in=int(ENROLMENT_LIFETIME.total_seconds()),
        )

    @router.handles(AUTH_TOTP_CONFIRM)
    async def confirm_totp(request: wire.ConfirmTotp, caller: RequestContext) -> wire.RecoveryCodes:
        command = ConfirmTotp(caller, request.enrolment.get_secret_value(), request.otp.get_secret_value())
        return wire.RecoveryCodes(recovery_codes=tuple(await app.confirm_totp.handle(command)))

    @router.handles(AUTH_TOTP_REMOVE)
    async def remove_totp(request: wire.RemoveTotp, caller: RequestContext) -> Profile:
        command = RemoveTotp(caller, none_if_missing(request.id), secret_or_none(request.current_password))
        return profile_to_wire(await app.remove_totp.handle(command))


def _subscribe_one_time_tokens(router: Router, app: Application) -> None:
    """Answer what is done by tokens that were sent to an address."""

    @router.handles(AUTH_START_RESET)
    async def start_reset(request: wire.StartReset, caller: RequestContext) -> wire.ResetStarted:
        started = await app.start_reset.handle(StartReset(caller.actor, request.email))
        return wire.ResetStarted(
            token=started.token,
            profile_id=started.profile_id,
            email=started.email,
            expires_in=_TOKEN_SECONDS,
        )

    @router.handles(AUTH_RESET_PASSWORD)
    async def reset_password(request: wire.ResetPassword, caller: RequestContext) -> wire.PasswordReset:
        command = ResetPassword(
            caller, request.token.get_secret_value(), request.new_password.get_secret_value()
        )
        return wire.PasswordReset(profile_id=await app.reset_password.handle(command))

    @router.handles(AUTH_START_VERIFICATION)
    async def start_verification(
        request: wire.StartVerification, caller: RequestContext
    ) -> wire.VerificationStarted:
        started = await app.start_verification.handle(StartVerification(caller.actor, request.id))
        return wire.VerificationStarted(token=started.token, email=started.email, expires_in=_TOKEN_SECONDS)

    @router.handles(AUTH_VERIFY_EMAIL)
    async def verify_email(request: wire.VerifyEmail, caller: RequestContext) -> Profile:
        command = VerifyEmail(caller, request.token.get_secret_value())
        return profile_to_wire(await app.verify_email.handle(command))


def _session(session: Session, caller: RequestContext) -> wire.Session:
    network = session.origin.client_network
    return wire.Session(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.rotated_at,
        client_ip=network.removesuffix("/32") if network else MISSING,
        user_agent=session.origin.user_agent or MISSING,
        current=is_current(session, caller.actor),
    )


def _tokens(user: LoggedIn) -> wire.Tokens:
    return wire.Tokens(
        access_token=user.access_token.text,
        expires_in=user.access_token.seconds,
        refresh_token=user.refresh_token,
        profile_id=user.user_id,
        device_token=user.device_token or MISSING,
    )
