import pytest

from profile_contracts import errors
from profile_contracts.errors import (
    CallFailed,
    Disconnected,
    ErrorReply,
    Nacked,
    NoReply,
    NotSent,
    QueueRefused,
    UnreadableReply,
    Unroutable,
    to_exception,
)
from profile_contracts.replies import ErrorBody, ErrorCode


def an_error(code: ErrorCode) -> ErrorBody:
    return ErrorBody(code=code, reason="some_reason", message="A sentence.", retryable=True)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_an_exception_of_that_name(code: ErrorCode) -> None:
    raised = to_exception(an_error(code))

    assert type(raised) is getattr(errors, code.value.title().replace("_", ""))
    assert raised.error == an_error(code)
    assert (raised.code, raised.reason, raised.retryable) == (code, "some_reason", True)
    assert str(raised) == f"{code.value}, some_reason: A sentence."


def test_no_two_codes_share_an_exception() -> None:
    assert {type(to_exception(an_error(code))) for code in ErrorCode} == set(ErrorReply.__subclasses__())


def test_calls_fail_in_these_ways() -> None:
    assert {each.__name__ for each in CallFailed.__subclasses__()} == {
        "ErrorReply",
        "NoReply",
        "UnreadableReply",
        "Unroutable",
        "NotSent",
        "QueueRefused",
        "Disconnected",
    }


@pytest.mark.parametrize(
    ("failure", "code", "reason", "retryable"),
    [
        (NoReply(), ErrorCode.DEADLINE_EXCEEDED, "no_reply", True),
        (Unroutable(), ErrorCode.UNAVAILABLE, "unroutable", True),
        (Nacked(), ErrorCode.UNAVAILABLE, "nacked", True),
        (UnreadableReply(), ErrorCode.INTERNAL, "unreadable_reply", False),
        (NotSent(), ErrorCode.INVALID, "not_sent", False),
        (QueueRefused(), ErrorCode.FORBIDDEN, "queue_refused", False),
        (Disconnected("", sent=True), ErrorCode.UNAVAILABLE, "disconnected", True),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_failure_says_code_reason_and_whether_to_try_again(
    failure: CallFailed,
    code: ErrorCode,
    reason: str,
    retryable: bool,  # noqa: FBT001 - a column
) -> None:
    assert (failure.code, failure.reason, failure.retryable) == (code, reason, retryable)
