from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.session import IDLE_TIMEOUT, LIFETIME, RefreshTokenInvalid, RefreshTokenReused
from tests.builders import NOON, a_session

LATER = NOON + timedelta(hours=1)


def test_a_refresh_moves_a_session_one_step_on() -> None:
    session = a_session()
    after = session.refreshed(0, LATER)

    assert (after.generation, after.rotated_at) == (1, LATER)
    assert after.expires_at == LATER + IDLE_TIMEOUT
    assert (after.id, after.user_id, after.created_at) == (session.id, session.user_id, NOON)


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=11), timedelta(days=29)])
@pytest.mark.parametrize("generation", [0, 7])
def test_while_its_successor_was_never_used_a_token_gets_it_again(generation: int, late: timedelta) -> None:
    after = a_session(generation=generation).refreshed(generation, LATER)

    assert after.refreshed(generation, LATER + late) is after


@pytest.mark.parametrize("late", [timedelta(seconds=-12), timedelta(), timedelta(days=1)])
def test_the_parent_of_a_used_successor_is_reused(late: timedelta) -> None:
    after = a_session().refreshed(0, LATER).refreshed(1, LATER)

    with pytest.raises(RefreshTokenReused):
        after.refreshed(0, LATER + late)


@pytest.mark.parametrize("generation", [0, 3, 4, 2**32 - 1])
def test_any_other_step_is_reused_even_just_now(generation: int) -> None:
    with pytest.raises(RefreshTokenReused):
        a_session(generation=2, rotated_at=LATER).refreshed(generation, LATER)


def test_a_session_that_is_not_refreshed_expires() -> None:
    session = a_session()

    assert session.refreshed(0, NOON + IDLE_TIMEOUT - timedelta(milliseconds=1)).generation == 1
    with pytest.raises(RefreshTokenInvalid):
        session.refreshed(0, NOON + IDLE_TIMEOUT)


def test_an_expired_session_is_not_reused_but_over() -> None:
    with pytest.raises(RefreshTokenInvalid):
        a_session(generation=9).refreshed(0, NOON + IDLE_TIMEOUT)


@given(st.lists(st.timedeltas(timedelta(), IDLE_TIMEOUT - timedelta(milliseconds=1)), max_size=50))
def test_no_session_outlives_its_lifetime(pauses: list[timedelta]) -> None:
    session, now = a_session(), NOON
    for pause in pauses:
        now += pause
        if now >= session.expires_at:
            break
        session = session.refreshed(session.generation, now)

        assert session.expires_at <= NOON + LIFETIME
