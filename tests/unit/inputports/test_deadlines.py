import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.infrastructure.inputports.deadlines import (
    MAX_SECONDS,
    SKEW_SECONDS,
    OutOfTime,
    limited,
    seconds_left,
    seconds_to_reply,
)
from tests.fakes.broker import message

NOW = 1_795_348_800.0


def left(deadline: Any = None, expiration: str | None = None) -> float:
    """Return the seconds that are left at NOW."""
    headers = {} if deadline is None else {"x-deadline": deadline}
    return seconds_left(message(headers=headers, expiration=expiration), NOW)


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
    assert left(expiration=expiration) == pytest.approx(seconds)


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


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary())
def test_any_header_leaves_between_0_and_30_seconds_or_none(deadline: object) -> None:
    try:
        seconds = left(deadline)
    except OutOfTime:
        return

    assert 0 < seconds <= MAX_SECONDS


def test_what_was_spent_waiting_is_gone() -> None:
    assert seconds_left(message(expiration="2000"), NOW, 0.5) == pytest.approx(1.5)
    assert seconds_left(message(), NOW, 10) == pytest.approx(20)
    with pytest.raises(OutOfTime):
        seconds_left(message(expiration="2000"), NOW, 2)


def test_a_reply_is_tried_as_long_as_somebody_waits_and_a_second_at_least() -> None:
    assert seconds_to_reply(message(expiration="5000"), NOW, 1) == pytest.approx(4)
    assert seconds_to_reply(message(expiration="5000"), NOW, 4.5) == pytest.approx(1)
    assert seconds_to_reply(message(expiration="0"), NOW, 0) == pytest.approx(1)


async def test_a_time_limit_is_out_of_time_and_other_timeouts_are_what_they_are() -> None:
    with pytest.raises(OutOfTime):
        async with limited(0.001, 1):
            await asyncio.Event().wait()
    with pytest.raises(TimeoutError):
        async with limited(5, 1):
            raise TimeoutError
