"""What keeps the account of a user safe: address, second factor, sessions, and a new password."""

import base64
from datetime import UTC, datetime
from uuid import UUID

from pydantic import SecretStr

from profile_contracts.auth import (
    ConfirmTotp,
    EnrollTotp,
    ListSessions,
    LogIn,
    LogOut,
    RecoveryCodes,
    RemoveTotp,
    ResetPassword,
    ResetStarted,
    SessionList,
    StartReset,
    StartVerification,
    Tokens,
    TotpEnrolment,
    VerificationStarted,
    VerifyEmail,
)
from profile_contracts.profiles import ExportProfile, GetProfile
from service.domain.totp import code_at, step_at
from tools.demo.asking import PASSWORD, Demo

_NEW_PASSWORD = SecretStr("nanoseconds of wire")


async def verify_the_address(demo: Demo, who: UUID, token: str) -> None:
    """Verify the address by what was mailed to it."""
    client, ask = demo.client, demo.expect
    start = StartVerification(id=who)
    mail = await ask("Get what is to be mailed", start, client.start_verification(start, token))
    if isinstance(mail, VerificationStarted):
        read = VerifyEmail(token=SecretStr(mail.token))
        await ask("Verify the address by it", read, client.verify_email(read))
        await ask("Use it again", read, client.verify_email(read), "one_time_token_invalid")


async def use_a_second_factor(demo: Demo, email: str, token: str) -> None:
    """Confirm an app, as that would, log in by the code that it shows next, and by a recovery code."""
    client, ask = demo.client, demo.expect
    enroll = EnrollTotp(current_password=PASSWORD)
    app = await ask("Ask for a second factor", enroll, client.enroll_totp(enroll, token))
    if not isinstance(app, TotpEnrolment):
        return
    secret, step = base64.b32decode(app.secret), step_at(datetime.now(UTC))
    confirm = ConfirmTotp(enrolment=SecretStr(app.enrolment), otp=SecretStr(code_at(secret, step)))
    codes = await ask("Confirm it by a code", confirm, client.confirm_totp(confirm, token))
    alone = LogIn(email=email, password=PASSWORD)
    await ask("Log in with the password alone", alone, client.log_in(alone), "otp_required")
    by_code = alone.model_copy(update={"otp": SecretStr(code_at(secret, step + 1))})
    await ask("Log in with a code, too", by_code, client.log_in(by_code))
    await ask("Use that code again", by_code, client.log_in(by_code), "otp_invalid")
    if isinstance(codes, RecoveryCodes):
        recover = alone.model_copy(update={"otp": SecretStr(codes.recovery_codes[0])})
        await ask("Log in with a recovery code", recover, client.log_in(recover))
    remove = RemoveTotp(current_password=PASSWORD)
    await ask("Remove the second factor", remove, client.remove_totp(remove, token))


async def see_sessions(demo: Demo, who: UUID, token: str) -> None:
    """See where one is logged in, log out of one of them, and get all that is held."""
    client, ask = demo.client, demo.expect
    places = ListSessions()
    found = await ask("List the sessions", places, client.list_sessions(places, token))
    if isinstance(found, SessionList):
        other = next((each.id for each in found.items if not each.current), None)
        if other:
            end = LogOut(session_id=other)
            await ask("Log out of one of them", end, client.log_out(end, token))
    export = ExportProfile(id=who)
    await ask("Export everything", export, client.export_profile(export, token))


async def forget_the_password(demo: Demo, email: str, token: str) -> str | None:
    """Set a new password by what was mailed; return the access token of the next login."""
    client, ask = demo.client, demo.expect
    start = StartReset(email=email)
    await ask("Forget the password: not told to everybody", start, client.start_reset(start), "missing_token")
    mail = await ask("A trusted service gets what is to be mailed", start, demo.mailer.start_reset(start))
    if isinstance(mail, ResetStarted):
        reset = ResetPassword(token=SecretStr(mail.token), new_password=_NEW_PASSWORD)
        await ask("Set a new password by it", reset, client.reset_password(reset))
        await ask("Use it again", reset, client.reset_password(reset), "one_time_token_invalid")
        get = GetProfile(id=mail.profile_id)
        await ask("All sessions have ended", get, client.get_profile(get, token), "session_ended")
    login = LogIn(email=email, password=_NEW_PASSWORD)
    tokens = await ask("Log in with the new password", login, client.log_in(login))
    return tokens.access_token if isinstance(tokens, Tokens) else None
