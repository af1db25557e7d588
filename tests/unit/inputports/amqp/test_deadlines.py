import asyncio
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.infrastructure.inputports.amqp import deadlines
from service.infrastructure.inputports.amqp.deadlines import (
    MAX_SECONDS,
    SKEW_SECONDS,
    Limit,
    OutOfTime,
    ServiceTimeout,
    caller_deadline,
    limit_of,
    limited,
    seconds_to_reply,
)
from service.infrastructure.mongo.errors import DatabaseUnavailable
from tests.any_text import TEXT
from tests.fakes.broker import message

NOW = 1_795_348_800.0


def left(deadline: Any = None, expiration: str | None = None) -> float:
    """Return the seconds that are left at NOW."""
    headers = {} if deadline is None else {"x-deadline": deadline}
    return limit_of(message(headers=headers, expiration=expiration), NOW).seconds


def test_without_a_deadline_there_are_30_seconds() -> None:
    assert left() == MAX_SECONDS == 30.0


@pytest.mark.parametrize(
    ("deadline", "seconds"),
    [
        (int(NOW * 1000) + 5000, 5.0),
        (str(int(NOW * 1000) + 5000), 5.0),
        (NOW * 1000 + 1500.0, 1.5),
        (int(NOW * 1000) + 3_600_000, 30.0),
        ("inf", 30.0),
        (1e300, 30.0),
    ],
)
def test_the_header_says_until_when(deadline: object, seconds: float) -> None:
    assert left(deadline) == pytest.approx(seconds)


@pytest.mark.parametrize(("expiration", "seconds"), [("2000", 2.0), ("1", 0.001), ("99999999", 30.0)])
def test_the_expiration_says_for_how_long(expiration: str, seconds: float) -> None:
    assert left(expiration=expiration) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("skew", [-30, -6, 0, 6, 30])
def test_where_an_expiration_says_how_long_a_clock_may_be_30_seconds_off(skew: int) -> None:
    """A client whose clock was 6 s behind heard `deadline_exceeded` at once, for every call of 5 s."""
    deadline = int((NOW + skew + 5) * 1000)

    assert left(deadline, "5000") == pytest.approx(5.0)


@pytest.mark.parametrize("late", [0.0, 0.25, 6.0, 29.5])
def test_a_deadline_that_clocks_alone_may_have_passed_is_not_over(late: float) -> None:
    assert left((NOW - late) * 1000) == pytest.approx(SKEW_SECONDS - late)
    assert left((NOW - late) * 1000, "2000") == pytest.approx(min(2.0, SKEW_SECONDS - late))


@pytest.mark.parametrize(
    "deadline", [int(NOW * 1000) - 30_000, int(NOW * 1000) - 30_001, 0, -1, "0", "-inf", -1e300]
)
@pytest.mark.parametrize("expiration", [None, "5000"])
def test_a_deadline_that_has_passed_by_any_clock_is_out_of_time(
    deadline: object, expiration: str | None
) -> None:
    with pytest.raises(OutOfTime):
        left(deadline, expiration)


@pytest.mark.parametrize("expiration", ["0", "-1"])
def test_no_time_at_all_is_out_of_time(expiration: str) -> None:
    with pytest.raises(OutOfTime):
        left(expiration=expiration)


@pytest.mark.parametrize(
    "junk",
    ["soon", "", "nan", "1_0x", "2026-11-22T12:00:00Z", b"\xff", [1], {"a": 1}, True, False, "9" * 5000],
)
def test_junk_is_passed_over(junk: object) -> None:
    assert left(junk) == MAX_SECONDS


@given(st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary())
def test_any_header_leaves_between_0_and_30_seconds_or_none(deadline: object) -> None:
    try:
        seconds = left(deadline)
    except OutOfTime:
        return

    assert 0 < seconds <= MAX_SECONDS


def test_what_was_spent_waiting_is_gone_of_the_callers_time() -> None:
    assert limit_of(message(expiration="2000"), NOW, 0.5).seconds == pytest.approx(1.5)
    with pytest.raises(OutOfTime):
        limit_of(message(expiration="2000"), NOW, 2)


def test_what_was_spent_waiting_takes_nothing_from_our_own_limit() -> None:
    assert limit_of(message(), NOW, 3_600) == Limit(MAX_SECONDS, is_callers=False)


@pytest.mark.parametrize(
    ("expiration", "is_callers"), [(None, False), ("29000", True), ("30000", True), ("31000", False)]
)
def test_a_limit_says_whose_it_is(expiration: str | None, *, is_callers: bool) -> None:
    assert limit_of(message(expiration=expiration), NOW).is_callers is is_callers


def test_a_deadline_is_a_moment_that_does_not_move() -> None:
    expiring = message(expiration="2000")

    assert caller_deadline(expiring, NOW, 0) == pytest.approx(NOW + 2)
    assert caller_deadline(expiring, NOW + 1.5, 1.5) == pytest.approx(NOW + 2)
    assert caller_deadline(message(), NOW) == math.inf
    assert caller_deadline(message(expiration="9000", headers={"x-deadline": "junk"}), NOW) == NOW + 9


def test_a_reply_is_tried_as_long_as_somebody_waits_and_a_second_at_least() -> None:
    for expiration, spent, seconds in (("5000", 1, 4), ("5000", 4.5, 1), ("0", 0, 1)):
        expiring = message(expiration=expiration)
        assert seconds_to_reply(expiring, NOW, spent, confirmed=True) == pytest.approx(seconds)


def test_who_has_set_no_limit_hears_what_came_of_a_command_after_a_long_alarm_too() -> None:
    assert seconds_to_reply(message(), NOW, 60, confirmed=True) == 600
    assert seconds_to_reply(message(), NOW, 60, confirmed=False) == MAX_SECONDS


THEIRS, OURS = Limit(0.05, is_callers=True), Limit(0.05, is_callers=False)


@pytest.mark.parametrize(("limit", "expected"), [(THEIRS, OutOfTime), (OURS, ServiceTimeout)])
async def test_the_end_of_the_time_is_told_by_whose_time_it_was(
    limit: Limit, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        async with limited(limit, 1):
            await asyncio.Event().wait()


async def test_other_timeouts_are_what_they_are() -> None:
    with pytest.raises(TimeoutError):
        async with limited(Limit(5, is_callers=True), 1):
            raise TimeoutError


@pytest.mark.parametrize(
    ("limit", "seconds", "expected"),
    [
        (THEIRS, 0.045, OutOfTime),
        (THEIRS, 0.0, DatabaseUnavailable),
        (OURS, 0.045, ServiceTimeout),
        (OURS, 0.0, DatabaseUnavailable),
    ],
    ids=["their time is over", "they had time left", "our time is over", "we had time left"],
)
async def test_whose_time_is_over_is_told_whichever_layer_noticed(
    monkeypatch: pytest.MonkeyPatch, limit: Limit, seconds: float, expected: type[Exception]
) -> None:
    moments = iter([0.0, seconds])
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=lambda: next(moments)))

    async def fail() -> None:
        async with limited(limit, 1):
            raise DatabaseUnavailable

    with pytest.raises(expected):
        await fail()
