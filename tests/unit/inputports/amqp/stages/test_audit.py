import json
from typing import Any
from uuid import uuid4

import pytest
import structlog

from profile_contracts.operations import OPERATIONS, PROFILE_UPDATE, Kind
from profile_contracts.replies import ErrorBody, ErrorCode
from service.app.auth.actors import Anonymous, TrustedService
from service.app.request_context import RequestContext
from service.infrastructure.inputports.amqp.route import MessageKind, Route
from service.infrastructure.inputports.amqp.stages.audit import Audit
from tests.builders import a_user
from tests.unit.inputports.amqp.stages.running import a_context

ADA = a_user()
CALLER = RequestContext(ADA, "gateway", "192.0.2.7/32")


class Result:
    """A result about a profile."""

    def __init__(self, **ids: object) -> None:
        self.__dict__.update(ids)


async def logged(
    operation: str,
    reason: str | None = None,
    caller: RequestContext | None = CALLER,
    request: object = None,
    result: object = None,
) -> dict[str, Any]:
    """Return what is written, or nothing."""
    context = a_context(route=Route(operation, MessageKind.COMMAND))
    context.caller, context.request, context.result = caller, request, result
    if reason:
        context.error = ErrorBody(code=ErrorCode.INVALID, reason=reason, message="No.", retryable=False)
    with structlog.testing.capture_logs() as entries:
        await Audit()(context)
    return dict(entries[0]) if entries else {}


def an_update(**fields: object) -> object:
    return PROFILE_UPDATE.request.model_validate_json(json.dumps({"id": str(uuid4()), **fields}))


# What is written about posts is no security event.
NO_EVENT = {"post.create", "post.update", "post.delete"}


@pytest.mark.parametrize("operation", [each.queue for each in OPERATIONS if each.kind is Kind.COMMAND])
async def test_of_each_command_it_is_decided_whether_it_is_a_security_event(operation: str) -> None:
    assert bool(await logged(operation)) is (operation not in NO_EVENT)


@pytest.mark.parametrize(
    ("operation", "reason", "event"),
    [
        ("auth.login", None, "authn_login_success"),
        ("auth.refresh", None, "session_renewed"),
        ("auth.logout", None, "authn_token_revoked"),
        ("auth.change_password", None, "authn_password_change"),
        ("profile.create", None, "user_created"),
        ("profile.update", None, "user_updated"),
        ("profile.delete", None, "user_archived"),
        ("profile.get", None, None),
        ("auth.verify", None, None),
        ("auth.keys", None, None),
        ("auth.login", "invalid_credentials", "authn_login_fail"),
        ("profile.update", "invalid_credentials", "authn_login_fail"),
        ("auth.change_password", "invalid_credentials", "authn_password_change_fail"),
        ("auth.change_password", "too_many_attempts", "authn_login_lock"),
        ("auth.login", "too_many_attempts", "authn_login_lock"),
        ("profile.get", "token_invalid", "authn_token_invalid"),
        ("profile.get", "session_ended", "session_use_after_expire"),
        ("auth.refresh", "refresh_token_invalid", "authn_token_invalid"),
        ("auth.refresh", "refresh_token_reused", "authn_token_reuse"),
        ("profile.update", "not_allowed", "authz_fail"),
        ("profile.create", "role_not_allowed", "authz_fail"),
        ("profile.delete", "last_admin", "authz_fail"),
        ("profile.get", "reply_to_refused", "input_validation_fail"),
        ("profile.get", "malformed_json", "input_validation_fail"),
        ("profile.get", "malformed_request", "input_validation_fail"),
        ("profile.get", "profile_not_found", None),
        ("profile.create", "email_taken", None),
    ],
)
async def test_events_are_named_by_the_owasp_vocabulary(
    operation: str, reason: str | None, event: str | None
) -> None:
    assert (await logged(operation, reason)).get("event") == event


@pytest.mark.parametrize(
    "fields", [{"role": "admin"}, {"status": "suspended"}, {"role": "user", "first_name": "A"}]
)
async def test_another_role_or_status_is_a_change_of_rights(fields: dict[str, object]) -> None:
    assert (await logged("profile.update", request=an_update(**fields)))["event"] == "authz_change"
    assert (await logged("profile.update", request=an_update(first_name="A")))["event"] == "user_updated"


async def test_an_entry_says_who_did_what_to_whom() -> None:
    assert await logged("profile.delete", None, result=Result(id="p-1")) == {
        "event": "user_archived",
        "log_level": "info",
        "operation": "profile.delete",
        "outcome": "success",
        "reason": None,
        "actor": f"user:{ADA.id}",
        "service": "gateway",
        "client_net": "192.0.2.7/32",
        "subject": "p-1",
    }


@pytest.mark.parametrize(
    ("caller", "actor"),
    [
        (None, "anonymous"),
        (RequestContext(Anonymous()), "anonymous"),
        (RequestContext(TrustedService("hr")), "service:hr"),
        (RequestContext(ADA), f"user:{ADA.id}"),
    ],
    ids=["nobody", "anonymous", "service", "user"],
)
async def test_an_actor_is_named_by_kind(caller: RequestContext | None, actor: str) -> None:
    entry = await logged("profile.get", "not_allowed", caller)

    assert (entry["actor"], entry["outcome"], entry["service"]) == (actor, "failure", None)


async def test_the_subject_is_an_id_of_the_result_or_of_the_request() -> None:
    subjects = [
        (await logged("auth.login", result=Result(profile_id="p-1", id="x")))["subject"],
        (await logged("profile.create", result=Result(id="p-2"), request=Result(id="x")))["subject"],
        (await logged("profile.get", "not_allowed", request=Result(id="p-3")))["subject"],
        (await logged("auth.logout", result=Result()))["subject"],
    ]

    assert subjects == ["p-1", "p-2", "p-3", None]
