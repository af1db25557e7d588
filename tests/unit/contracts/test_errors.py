import pytest

from profile_contracts import errors
from profile_contracts.errors import CallFailed, ErrorReply, to_exception
from profile_contracts.replies import ErrorBody, ErrorCode


def an_error(code: ErrorCode) -> ErrorBody:
    return ErrorBody(code=code, reason="some_reason", message="A sentence.", retryable=True)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_an_exception_of_that_name(code: ErrorCode) -> None:
    raised = to_exception(an_error(code))

    assert type(raised) is getattr(errors, code.value.title().replace("_", ""))
    assert raised.error == an_error(code)
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
