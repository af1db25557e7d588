"""What a caller does about each reason. `tests/architecture/test_reference.py` holds it to the code."""

from collections.abc import Mapping
from typing import Final

from profile_contracts.replies import ErrorCode

_WAIT: Final = "Try again after `retry_after_ms`, or after a pause that grows."

CODES: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.INVALID: "Mend the request. Sent again as it is, it fails again.",
    ErrorCode.UNAUTHENTICATED: "Let the user log in, or exchange the refresh token.",
    ErrorCode.FORBIDDEN: "Give up: whoever asks may see this and not do it.",
    ErrorCode.NOT_FOUND: "Treat it as gone: it is unknown, deleted, or not for the one who asks.",
    ErrorCode.CONFLICT: "Read again, decide again, and send a new command.",
    ErrorCode.RATE_LIMITED: "Wait for `retry_after_ms` before the next try, and tell the user.",
    ErrorCode.DEADLINE_EXCEEDED: (
        "The outcome is unknown. Send the same command again under the same `message_id`."
    ),
    ErrorCode.UNAVAILABLE: (
        "Send the same request again under the same `message_id`, after a pause that grows."
    ),
    ErrorCode.INTERNAL: "Report the time, and the correlation id if you know it: the log has both.",
}

REASONS: Final[Mapping[str, str]] = {
    "malformed_json": "Send one JSON object in UTF-8.",
    "malformed_request": "`details` names each wrong field and says what is wrong with it.",
    "message_too_large": (
        "Send at most 64 KiB: letters as UTF-8, which are shorter than escapes such as `\\u0431`."
    ),
    "unsupported_content_type": "Set `content_type` to `application/json`, or leave it out.",
    "unknown_operation": "Mend the routing key: no operation has that name.",
    "message_id_malformed": "Make `message_id` of UTF-8: a UUID is best.",
    "out_of_time": (
        "Give more time (`expiration`, `x-deadline`), or ask why the service is slow: `/counts` shows it."
    ),
    "database_unavailable": f"{_WAIT} Commands without `reply_to` need nothing: the service retries them.",
    "service_timeout": f"The service did not get it done within its own 30 seconds. {_WAIT}",
    "overloaded": f"More passwords wait for a hashing thread than `HASHING_QUEUE_SIZE`. {_WAIT}",
    "internal_error": "A fault of the service. Report the correlation id; a command is dead-lettered.",
    "missing_token": (
        "Send `authorization: Bearer <access token>`, or let operators add you to `TRUSTED_SERVICES`."
    ),
    "token_invalid": (
        "Let the user log in again: the token is no token of this service, or its key was retired."
    ),
    "token_expired": "Exchange the refresh token (`auth.refresh`), and ask again with the new access token.",
    "session_ended": "Let the user log in again: of logout, a new password or role, suspension, or deletion.",
    "role_not_allowed": "Leave `role` out. Administrators and trusted services give other roles.",
    "not_allowed": "Give up, or ask as somebody who may: see the operation.",
    "second_factor_needed": (
        "Let the user enroll a second factor (`auth.totp_enroll`, `auth.totp_confirm`) or log in with one."
    ),
    "profile_not_found": "Treat the profile as gone.",
    "not_deleted": "Leave it: the profile is not deleted, or was erased, and then nothing can bring it back.",
    "sessions_unclear": "Send either `scope` or `session_id`; for another user, the scope `global` alone.",
    "counters_unavailable": f"Redis is away, so nothing can be taken back. {_WAIT}",
    "post_not_found": "Treat the post as gone.",
    "email_malformed": "Ask the user for the address again.",
    "attributes_too_large": "Keep less there: 32 attributes at most, and 4 KiB of JSON in all.",
    "email_taken": "Tell the user, and offer a login.",
    "password_too_short": "Ask for a password of at least 8 characters.",
    "password_too_long": (
        "Ask for a password of at most 72 bytes of UTF-8; of 1024, if `PASSWORD_SCHEME` is argon2id."
    ),
    "password_malformed": "Ask for a password without NUL and unpaired surrogates.",
    "password_too_common": (
        "Ask for another password: this one is among the 30,000 most common, "
        "or made from words of the organisation."
    ),
    "password_too_weak": "Ask for a password that is harder to guess: longer, and not of names and dates.",
    "password_breached": "Ask for another password: this one has leaked, and is tried by others.",
    "password_too_personal": "Ask for a password that is not made from the user's name or address.",
    "message_id_reused": "Give each command a `message_id` of its own: this one belongs to another command.",
    "stale_version": "Read the thing again, and decide again with its new `version`.",
    "too_many_writers": "Try again: many changed it in the same moment.",
    "last_admin": "Make somebody else an administrator first.",
    "nothing_to_change": "Name at least one field.",
    "current_password_required": "Ask the user for the password, and send it as `current_password`.",
    "invalid_credentials": "Say that address or password is wrong. Which of them, the service does not tell.",
    "too_many_attempts": (
        "Let the user wait for `retry_after_ms`. Until then the right password is refused, too, unless the "
        "`device_token` of the last login on that device comes with it."
    ),
    "attempts_in_flight": "Try again soon: other logins to this account are being checked.",
    "email_not_verified": "Let the user verify the address: a trusted service gets a token for that.",
    "email_already_verified": "Nothing is left to do.",
    "one_time_token_invalid": (
        "Offer to send another one. It was used, or is older than 30 minutes, or something has changed since."
    ),
    "otp_required": "Ask the user for a code, and send the same login with it as `otp`.",
    "otp_invalid": "Ask for the next code: each is good once. A recovery code stands in for the app.",
    "totp_already_enrolled": "Remove the second factor first (`auth.totp_remove`).",
    "enrolment_invalid": "Begin again (`auth.totp_enroll`): older than 30 minutes, or not this user's.",
    "refresh_token_invalid": "Let the user log in again.",
    "refresh_token_reused": (
        "Let the user log in again. Somebody used the token before: it may have been stolen."
    ),
    "too_many_refreshes": "Try again: many refreshes of one session came in the same moment.",
    "cursor_invalid": (
        "Begin the list anew, without a cursor. A cursor continues only the query that it came from."
    ),
}
