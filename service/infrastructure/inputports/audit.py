"""The audit trail: security events as log lines, named by the OWASP Logging Vocabulary."""

from typing import Any, Final

import structlog

from profile_contracts.operations import AUTH_CHANGE_PASSWORD
from service.app.auth.actors import Anonymous, TrustedService
from service.app.request_context import RequestContext

_SUCCESSES: Final = {
    "auth.login": "authn_login_success",
    "auth.refresh": "session_renewed",
    "auth.logout": "authn_token_revoked",
    "auth.change_password": "authn_password_change",
    "profile.create": "user_created",
    "profile.update": "user_updated",
    "profile.delete": "user_archived",
}
_FAILURES: Final = {
    "invalid_credentials": "authn_login_fail",
    "too_many_attempts": "authn_login_lock",
    "token_invalid": "authn_token_invalid",
    "session_ended": "session_use_after_expire",
    "refresh_token_invalid": "authn_token_invalid",
    "refresh_token_reused": "authn_token_reuse",
    "not_allowed": "authz_fail",
    "role_not_allowed": "authz_fail",
    "last_admin": "authz_fail",
    "reply_to_refused": "input_validation_fail",
    "malformed_json": "input_validation_fail",
    "malformed_request": "input_validation_fail",
    "cursor_invalid": "input_validation_fail",
}
_STANDING: Final = frozenset({"role", "status"})

_log = structlog.get_logger("profile.audit")


def audit(
    operation: str, reason: str | None, caller: RequestContext | None, request: object, result: object
) -> None:
    """Write the security event that a request was, if it was one.

    Args:
        operation: The queue.
        reason: Why it was refused, or `None`.
        caller: Who asked, if it came that far.
        request: What was asked, if it could be read; of it only an id is written.
        result: What was answered, if anything; of it only an id is written.

    """
    if (name := _event(operation, reason, request)) is None:
        return
    _log.info(
        name,
        operation=operation,
        outcome="failure" if reason else "success",
        reason=reason,
        actor=actor_name(caller),
        service=caller.service if caller else None,
        client_net=caller.client_network if caller else None,
        subject=_subject(request, result),
    )


def _event(operation: str, reason: str | None, request: object) -> str | None:
    if reason is None:
        changes_standing = bool(_STANDING & getattr(request, "model_fields_set", set()))
        is_update = operation == "profile.update"
        return "authz_change" if is_update and changes_standing else _SUCCESSES.get(operation)
    if operation == AUTH_CHANGE_PASSWORD.queue and reason == "invalid_credentials":
        return "authn_password_change_fail"
    return _FAILURES.get(reason)


def actor_name(caller: RequestContext | None) -> str:
    """Return who asks, as logs name them."""
    if caller is None or isinstance(caller.actor, Anonymous):
        return "anonymous"
    if isinstance(caller.actor, TrustedService):
        return f"service:{caller.actor.name}"
    return f"user:{caller.actor.id}"


def _subject(request: object, result: object) -> str | None:
    """Return the id of the profile or post that it is about."""
    found: Any = (
        getattr(result, "profile_id", None) or getattr(result, "id", None) or getattr(request, "id", None)
    )
    return str(found) if found else None
