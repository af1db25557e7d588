"""When the typed client sends a call again."""

from typing import Any

import pytest

from profile_contracts import testing
from profile_contracts.client.retries import (
    may_have_arrived,
    pause_before_retry,
    says_not_sent,
    says_nothing_of_earlier,
)
from profile_contracts.errors import (
    CallFailed,
    Disconnected,
    Nacked,
    NoReply,
    NotSent,
    Unroutable,
    to_exception,
)
from profile_contracts.operations import (
    AUTH_CHANGE_PASSWORD,
    AUTH_LOGIN,
    AUTH_LOGOUT,
    AUTH_TOTP_CONFIRM,
    OPERATIONS,
    PROFILE_UPDATE,
    Operation,
)
from profile_contracts.replies import ErrorBody, ErrorCode

# Refusals after which nobody knows.
UNKNOWN = {ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED, ErrorCode.INTERNAL}
LOST, NEVER_SENT = Disconnected("", sent=True), Disconnected("", sent=False)


def refused(code: ErrorCode, *, retryable: bool, after: int | None = None) -> CallFailed:
    body = ErrorBody(code=code, reason=code.value, message="", retryable=retryable, retry_after_ms=after)
    return to_exception(body)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
def test_what_was_never_sent_is_always_sent_again(operation: Operation[Any, Any]) -> None:
    assert pause_before_retry(operation, NEVER_SENT, 1) is not None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
def test_after_a_lost_reply_only_what_opens_a_session_each_time_is_not_sent_again(
    operation: Operation[Any, Any],
) -> None:
    again = pause_before_retry(operation, LOST, 1) is not None

    assert again == (operation not in (AUTH_LOGIN, AUTH_CHANGE_PASSWORD, AUTH_TOTP_CONFIRM))


@pytest.mark.parametrize("code", list(ErrorCode))
def test_a_refusal_is_sent_again_if_the_service_says_that_it_may_pass(code: ErrorCode) -> None:
    again = pause_before_retry(PROFILE_UPDATE, refused(code, retryable=True), 1) is not None

    assert again == (code is not ErrorCode.DEADLINE_EXCEEDED)
    assert pause_before_retry(PROFILE_UPDATE, refused(code, retryable=False), 1) is None


@pytest.mark.parametrize("failure", [NoReply(), Unroutable(), NotSent()])
def test_what_time_or_sending_again_does_not_mend_is_not_sent_again(failure: CallFailed) -> None:
    assert pause_before_retry(PROFILE_UPDATE, failure, 1) is None


def test_what_a_queue_refused_is_sent_again_whatever_it_is() -> None:
    assert pause_before_retry(AUTH_LOGIN, Nacked(), 1) is not None
    assert says_not_sent(Nacked())


def test_the_pause_is_never_shorter_than_the_service_asks_for() -> None:
    limited = refused(ErrorCode.RATE_LIMITED, retryable=True, after=30_000)
    pauses = [pause_before_retry(PROFILE_UPDATE, limited, 1) or 0 for _ in range(100)]

    assert min(pauses) >= 30


def test_pauses_grow_with_jitter_up_to_five_seconds() -> None:
    pauses = {
        tries: [pause_before_retry(PROFILE_UPDATE, LOST, tries) or 0 for _ in range(100)]
        for tries in (1, 3, 9, 10_000)
    }

    assert 0.05 <= min(pauses[1]) < max(pauses[1]) <= 0.1
    assert 0.2 <= min(pauses[3]) < max(pauses[3]) <= 0.4
    assert 2.5 <= min(pauses[9]) < max(pauses[9]) <= 5
    assert max(pauses[10_000]) <= 5


@pytest.mark.parametrize(
    ("failure", "may_have", "is_unsent"),
    [
        (LOST, True, False),
        (NEVER_SENT, False, True),
        (NotSent(), False, True),
        (Unroutable(), False, True),
        *((refused(code, retryable=True), code in UNKNOWN, False) for code in ErrorCode),
    ],
)
def test_what_is_known_of_a_request_is_what_the_page_says(
    failure: CallFailed, *, may_have: bool, is_unsent: bool
) -> None:
    """The table in docs/howto/publish.md."""
    assert may_have_arrived(failure) is may_have
    assert says_not_sent(failure) is is_unsent


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
def test_only_a_logout_may_have_ended_the_session_that_it_finds_ended(
    operation: Operation[Any, Any],
) -> None:
    ended, invalid = testing.refused("session_ended"), testing.refused("token_invalid")

    assert says_nothing_of_earlier(operation, ended) is (operation is AUTH_LOGOUT)
    assert says_nothing_of_earlier(operation, invalid) is False
    assert says_nothing_of_earlier(operation, NEVER_SENT) is True
