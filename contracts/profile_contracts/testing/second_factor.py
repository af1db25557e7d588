"""What the fake does with second factors: codes of an app (TOTP, RFC 6238), and recovery codes."""

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from pydantic import MISSING, SecretStr

from profile_contracts.auth import ConfirmTotp, EnrollTotp, RecoveryCodes, RemoveTotp, TotpEnrolment
from profile_contracts.profiles import Profile
from profile_contracts.testing.credentials import verify_current_password, verify_password
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.records import Account, Enrolment, SecondFactor
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.request_context import RequestContext

_ISSUER: Final = "Profile service"
_LIFETIME: Final = timedelta(minutes=30)
_STEP_SECONDS, _DIGITS = 30, 6


def enroll(memory: Memory, request: EnrollTotp, context: RequestContext) -> TotpEnrolment:
    """Give a secret, which is good for nothing until it is confirmed."""
    account = verify_password(memory.account(context.require_user().id), request.current_password)
    if account.second_factor:
        raise refused("totp_already_enrolled")
    secret, name = secrets.token_bytes(20), secrets.token_urlsafe(24)
    account.enrolments[name] = Enrolment(secret, memory.now() + _LIFETIME)
    written = base64.b32encode(secret).decode()
    label = f"{quote(_ISSUER, safe='')}:{quote(account.profile.email, safe='')}"
    values = {"secret": written, "issuer": _ISSUER, "algorithm": "SHA1", "digits": _DIGITS, "period": 30}
    return TotpEnrolment(
        secret=written,
        uri=f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}",
        enrolment=name,
        expires_in=int(_LIFETIME.total_seconds()),
    )


def confirm(memory: Memory, request: ConfirmTotp, context: RequestContext) -> RecoveryCodes:
    """Make an app the second factor, by a code of it."""
    user = context.require_user()
    account = memory.account(user.id)
    enrolment = account.enrolments.get(request.enrolment.get_secret_value())
    if enrolment is None or memory.now() >= enrolment.expires_at:
        raise refused("enrolment_invalid", field="enrolment")
    step = _matching_step(enrolment.secret, request.otp.get_secret_value(), memory.now())
    if step is None:
        raise refused("otp_invalid")
    if account.second_factor:
        raise refused("totp_already_enrolled")
    factor = SecondFactor(enrolment.secret, step, set())
    codes = memory.once(context, user.id, lambda: _confirmed(memory, account, factor), _refuse_removed)
    memory.sessions[user.session_id].with_code = True
    return codes


def _confirmed(memory: Memory, account: Account, factor: SecondFactor) -> RecoveryCodes:
    codes = tuple(_recovery_code() for _ in range(10))
    factor.recovery_codes.update(map(_plain, codes))
    account.second_factor = factor
    memory.save_profile(account, {"totp_enrolled": True})
    return RecoveryCodes(recovery_codes=codes)


def _refuse_removed(_codes: RecoveryCodes) -> RecoveryCodes:
    """Refuse a command that came before: what it has set up was removed since."""
    raise refused("enrolment_invalid", field="enrolment")


def remove(memory: Memory, request: RemoveTotp, context: RequestContext) -> Profile:
    """Take a second factor away."""
    user = context.require_user()
    user_id = user.id if request.id is MISSING else request.id
    context.require_owner(user_id)
    account = memory.account(user_id)
    if user_id == user.id:
        verify_current_password(account, request.current_password)
    if account.second_factor is None:
        return account.profile
    account.second_factor = None
    return memory.save_profile(account, {"totp_enrolled": False})


def require_code(account: Account, otp: SecretStr | MISSING, now: datetime) -> None:
    """Return if *account* has no second factor, or if *otp* is a code of it that was not used before."""
    factor = account.second_factor
    if factor is None:
        return
    if otp is MISSING:
        raise refused("otp_required")
    code = otp.get_secret_value()
    step = _matching_step(factor.secret, code, now, factor.last_step)
    if step is None and _plain(code) not in factor.recovery_codes:
        raise refused("otp_invalid")
    factor.recovery_codes.discard(_plain(code))
    factor.last_step = step or factor.last_step


def _matching_step(secret: bytes, code: str, now: datetime, after: int = -1) -> int | None:
    """Return the time step around *now* that *code* is of, if it is *after* one (RFC 6238, 5.2)."""
    current = int(now.timestamp()) // _STEP_SECONDS
    steps = [each for each in range(current - 1, current + 2) if each > after]
    return next((each for each in steps if _code_at(secret, each) == code), None)


def _code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 0xF)
    return f"{(number & 0x7FFFFFFF) % 10**_DIGITS:0{_DIGITS}}"


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[each : each + 4] for each in range(0, len(text), 4))


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()
