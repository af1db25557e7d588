from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.sessions import GRACE, IDLE, LIFETIME, RefreshTokenInvalid, RefreshTokenReused
from tests.builders import NOON, a_session

LATER = NOON + timedelta(hours=1)


def test_a_refresh_moves_a_session_one_step_on() -> None:
    session = a_session()
    after = session.refreshed(0, "m-1", LATER)

    assert (after.step, after.moved_by, after.moved_at) == (1, "m-1", LATER)
    assert after.expires_at == LATER + IDLE
    assert (after.id, after.user_id, after.created_at) == (session.id, session.user_id, NOON)


@pytest.mark.parametrize("seconds", [0, 5, 10])
def test_within_the_grace_time_the_step_before_is_good(seconds: int) -> None:
    after = a_session().refreshed(0, None, LATER)

    assert after.refreshed(0, None, LATER + timedelta(seconds=seconds)) is after


def test_after_the_grace_time_it_is_reused() -> None:
    after = a_session().refreshed(0, None, LATER)

    with pytest.raises(RefreshTokenReused):
        after.refreshed(0, None, LATER + GRACE + timedelta(milliseconds=1))


def test_the_same_message_is_a_repeat_however_late() -> None:
    after = a_session().refreshed(0, "m-1", LATER)

    assert after.refreshed(0, "m-1", LATER + timedelta(days=1)) is after


@pytest.mark.parametrize("message_id", [None, "m-2", ""])
def test_another_message_is_not(message_id: str | None) -> None:
    after = a_session().refreshed(0, "m-1", LATER)

    with pytest.raises(RefreshTokenReused):
        after.refreshed(0, message_id, LATER + timedelta(days=1))


@pytest.mark.parametrize("step", [0, 3, 4, 2**32 - 1])
def test_any_other_step_is_reused_even_just_now(step: int) -> None:
    with pytest.raises(RefreshTokenReused):
        a_session(step=2, moved_by="m", moved_at=LATER).refreshed(step, "m", LATER)


def test_a_session_that_is_not_refreshed_expires() -> None:
    session = a_session()

    assert session.refreshed(0, None, NOON + IDLE - timedelta(milliseconds=1)).step == 1
    with pytest.raises(RefreshTokenInvalid):
        session.refreshed(0, None, NOON + IDLE)


def test_an_expired_session_is_not_reused_but_over() -> None:
    with pytest.raises(RefreshTokenInvalid):
        a_session(step=9).refreshed(0, None, NOON + IDLE)


@given(st.lists(st.timedeltas(timedelta(), IDLE - timedelta(milliseconds=1)), max_size=50))
def test_no_session_outlives_its_lifetime(pauses: list[timedelta]) -> None:
    session, now = a_session(), NOON
    for pause in pauses:
        now += pause
        if now >= session.expires_at:
            break
        session = session.refreshed(session.step, None, now)

        assert session.expires_at <= NOON + LIFETIME
