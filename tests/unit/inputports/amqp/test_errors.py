import pytest

from profile_contracts.replies import ErrorCode, ErrorDetail
from service.domain import errors
from service.domain.errors import ServiceError
from service.domain.profile import EmailTaken, ProfileNotFound
from service.infrastructure.inputports.amqp.decoding import MalformedJson, MalformedRequest
from service.infrastructure.inputports.amqp.errors import error_body
from service.infrastructure.mongo.errors import DatabaseUnavailable

KINDS = {
    errors.Invalid: ErrorCode.INVALID,
    errors.Unauthenticated: ErrorCode.UNAUTHENTICATED,
    errors.Forbidden: ErrorCode.FORBIDDEN,
    errors.NotFound: ErrorCode.NOT_FOUND,
    errors.Conflict: ErrorCode.CONFLICT,
    errors.RateLimited: ErrorCode.RATE_LIMITED,
    errors.DeadlineExceeded: ErrorCode.DEADLINE_EXCEEDED,
    errors.Unavailable: ErrorCode.UNAVAILABLE,
}


def test_every_kind_has_a_code_and_every_code_but_internal_a_kind() -> None:
    assert set(KINDS) == set(ServiceError.__subclasses__())
    assert set(KINDS.values()) == set(ErrorCode) - {ErrorCode.INTERNAL}


@pytest.mark.parametrize(("kind", "code"), KINDS.items())
def test_a_kind_becomes_its_code(kind: type[ServiceError], code: ErrorCode) -> None:
    body = error_body(kind())

    assert (body.code, body.retryable) == (code, kind.retryable)


@pytest.mark.parametrize(
    ("error", "code", "reason", "message"),
    [
        (EmailTaken(), ErrorCode.CONFLICT, "email_taken", "Another profile has this e-mail address."),
        (ProfileNotFound(), ErrorCode.NOT_FOUND, "profile_not_found", "There is no such profile."),
        (
            DatabaseUnavailable(),
            ErrorCode.UNAVAILABLE,
            "database_unavailable",
            "The database does not answer; try again later.",
        ),
    ],
)
def test_a_leaf_becomes_a_reason_and_its_docstring_the_message(
    error: ServiceError, code: ErrorCode, reason: str, message: str
) -> None:
    body = error_body(error)

    assert (body.code, body.reason, body.message) == (code, reason, message)


def test_a_leaf_may_blame_a_field() -> None:
    assert error_body(EmailTaken()).details == (ErrorDetail(field="email", reason="email_taken"),)
    assert error_body(DatabaseUnavailable()).details is None


def test_a_malformed_request_brings_its_details() -> None:
    detail = ErrorDetail(field="id", reason="missing")

    assert error_body(MalformedRequest(detail)).details == (detail,)
    assert error_body(MalformedJson()).details is None


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        KeyError("secret"),
        TimeoutError("secret"),
        ExceptionGroup("secret", [OSError()]),
        ServiceError(),
    ],
)
def test_an_unforeseen_error_tells_nothing(error: Exception) -> None:
    body = error_body(error)

    assert (body.code, body.reason, body.retryable) == (ErrorCode.INTERNAL, "internal_error", True)
    assert body.message == "The service failed; report the correlation id."
    assert body.details is None


def test_what_an_error_was_raised_with_is_not_told() -> None:
    assert "secret" not in error_body(EmailTaken("secret")).model_dump_json()


def test_a_reason_is_the_name_in_snake_case() -> None:
    assert DatabaseUnavailable.reason == "database_unavailable"
    assert errors.Conflict.reason == "conflict"
