"""The audit trail: security events as log lines."""

from typing import Any, Final

import structlog

from profile_contracts.operations import AUTH_CHANGE_PASSWORD
from service.infrastructure.inputports.amqp.actor_name import actor_name
from service.infrastructure.inputports.amqp.context import MessageContext

_SUCCESSES: Final = {
    "auth.login": "authn_login_success",
    "auth.refresh": "session_renewed",
    "auth.logout": "authn_token_revoked",
    "auth.change_password": "authn_password_change",
    "profile.create": "user_created",
    "profile.update": "user_updated",
    "profile.delete": "user_archived",
    "profile.restore": "user_restored",
    "profile.erase": "user_erased",
    "profile.export": "user_exported",
    "auth.unlock": "user_unlocked",
    "auth.start_reset": "authn_password_reset_start",
    "auth.reset_password": "authn_password_reset",
    "auth.verify_email": "user_updated",
    "auth.totp_confirm": "authn_factor_added",
    "auth.totp_remove": "authn_factor_removed",
}
_FAILURES: Final = {
    "invalid_credentials": "authn_login_fail",
    "too_many_attempts": "authn_login_lock",
    "token_invalid": "authn_token_invalid",
    "session_ended": "session_use_after_expire",
    "refresh_token_invalid": "authn_token_invalid",
    "one_time_token_invalid": "authn_token_invalid",
    "email_not_verified": "authn_login_fail",
    "otp_invalid": "authn_login_fail",
    "refresh_token_reused": "authn_token_reuse",
    "not_allowed": "authz_fail",
    "second_factor_needed": "authz_fail",
    "role_not_allowed": "authz_fail",
    "last_admin": "authz_fail",
    "reply_to_refused": "input_validation_fail",
    "malformed_json": "input_validation_fail",
    "malformed_request": "input_validation_fail",
    "cursor_invalid": "input_validation_fail",
}
_AUTHORIZATION_FIELDS: Final = frozenset({"role", "status"})

_log = structlog.get_logger("profile.audit")


class Audit:
    """Writes the security event that a request was, if it was one: who, what, whose, and how it ended.

    Of what was asked and answered, only ids are written. Names of events are those of the OWASP Logging
    Vocabulary.
    """

    async def __call__(self, context: MessageContext) -> None:
        """Write the event."""
        operation, caller = context.route.queue, context.caller
        reason = context.error.reason if context.error else None
        if (name := _event(operation, reason, context.request)) is None:
            return
        _log.info(
            name,
            operation=operation,
            outcome="failure" if reason else "success",
            reason=reason,
            actor=actor_name(caller),
            service=caller.service if caller else None,
            client_net=caller.client_network if caller else None,
            subject=_subject(context.request, context.result),
        )


def _event(operation: str, reason: str | None, request: object) -> str | None:
    if reason is None:
        changes_authorization = bool(_AUTHORIZATION_FIELDS & getattr(request, "model_fields_set", set()))
        is_update = operation == "profile.update"
        return "authz_change" if is_update and changes_authorization else _SUCCESSES.get(operation)
    if operation == AUTH_CHANGE_PASSWORD.queue and reason == "invalid_credentials":
        return "authn_password_change_fail"
    return _FAILURES.get(reason)


def _subject(request: object, result: object) -> str | None:
    """Return the id of the profile or post that it is about."""
    found: Any = (
        getattr(result, "profile_id", None) or getattr(result, "id", None) or getattr(request, "id", None)
    )
    return str(found) if found else None
