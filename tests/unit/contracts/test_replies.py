import json

import pytest
from pydantic import TypeAdapter, ValidationError

from profile_contracts.auth import JsonWebKeySet
from profile_contracts.replies import ErrorBody, ErrorCode, ErrorDetail, Failure, Success

ERROR = ErrorBody(code=ErrorCode.CONFLICT, reason="email_taken", message="Taken.", retryable=False)


def test_success_is_ok_and_a_result() -> None:
    reply = Success[JsonWebKeySet](result=JsonWebKeySet(keys=()))

    assert json.loads(reply.model_dump_json()) == {"ok": True, "result": {"keys": []}}


def test_failure_is_not_ok_and_an_error_without_empty_fields() -> None:
    assert json.loads(Failure(error=ERROR).model_dump_json(exclude_none=True)) == {
        "ok": False,
        "error": {"code": "conflict", "reason": "email_taken", "message": "Taken.", "retryable": False},
    }


def test_failure_may_name_fields_and_a_time_to_wait() -> None:
    detail = ErrorDetail(field="email", reason="email_taken")
    error = ERROR.model_copy(update={"details": (detail,), "retry_after_ms": 50})
    written = json.loads(Failure(error=error).model_dump_json(exclude_none=True))

    assert written["error"]["details"] == [{"field": "email", "reason": "email_taken"}]
    assert written["error"]["retry_after_ms"] == 50


def test_the_codes_are_a_closed_list() -> None:
    assert {each.value for each in ErrorCode} == {
        "invalid",
        "unauthenticated",
        "forbidden",
        "not_found",
        "conflict",
        "rate_limited",
        "deadline_exceeded",
        "unavailable",
        "internal",
    }


@pytest.mark.parametrize("ok", [True, False])
def test_ok_tells_the_two_apart(*, ok: bool) -> None:
    either: TypeAdapter[object] = TypeAdapter(Success[JsonWebKeySet] | Failure)
    body = {"ok": ok, "result": {"keys": []}, "error": ERROR.model_dump(mode="json")}

    assert isinstance(either.validate_python(body), Success if ok else Failure)


def test_a_reader_ignores_fields_of_later_versions() -> None:
    body = {"ok": False, "error": ERROR.model_dump(mode="json") | {"help": "…"}, "trace": "…"}

    assert Failure.model_validate(body) == Failure(error=ERROR)


def test_a_wait_is_not_negative() -> None:
    with pytest.raises(ValidationError):
        ErrorBody.model_validate(ERROR.model_dump() | {"retry_after_ms": -1})
