from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.sessions import IDLE, LIFETIME, RefreshTokenInvalid, RefreshTokenReused
from tests.builders import NOON, a_session

LATER = NOON + timedelta(hours=1)


def test_a_refresh_moves_a_session_one_step_on() -> None:
    session = a_session()
    after = session.refreshed(0, LATER)

    assert (after.step, after.moved_at) == (1, LATER)
    assert after.expires_at == LATER + IDLE
    assert (after.id, after.user_id, after.created_at) == (session.id, session.user_id, NOON)


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=11), timedelta(days=29)])
@pytest.mark.parametrize("step", [0, 7])
def test_while_its_successor_was_never_used_a_token_gets_it_again(step: int, late: timedelta) -> None:
    after = a_session(step=step).refreshed(step, LATER)

    assert after.refreshed(step, LATER + late) is after


@pytest.mark.parametrize("late", [timedelta(seconds=-12), timedelta(), timedelta(days=1)])
def test_the_parent_of_a_used_successor_is_reused(late: timedelta) -> None:
    after = a_session().refreshed(0, LATER).refreshed(1, LATER)

    with pytest.raises(RefreshTokenReused):
        after.refreshed(0, LATER + late)


@pytest.mark.parametrize("step", [0, 3, 4, 2**32 - 1])
def test_any_other_step_is_reused_even_just_now(step: int) -> None:
    with pytest.raises(RefreshTokenReused):
        a_session(step=2, moved_at=LATER).refreshed(step, LATER)


def test_a_session_that_is_not_refreshed_expires() -> None:
    session = a_session()

    assert session.refreshed(0, NOON + IDLE - timedelta(milliseconds=1)).step == 1
    with pytest.raises(RefreshTokenInvalid):
        session.refreshed(0, NOON + IDLE)


def test_an_expired_session_is_not_reused_but_over() -> None:
    with pytest.raises(RefreshTokenInvalid):
        a_session(step=9).refreshed(0, NOON + IDLE)


@given(st.lists(st.timedeltas(timedelta(), IDLE - timedelta(milliseconds=1)), max_size=50))
def test_no_session_outlives_its_lifetime(pauses: list[timedelta]) -> None:
    session, now = a_session(), NOON
    for pause in pauses:
        now += pause
        if now >= session.expires_at:
            break
        session = session.refreshed(session.step, now)

        assert session.expires_at <= NOON + LIFETIME
