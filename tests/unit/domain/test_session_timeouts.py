from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from service.domain.session import RefreshTokenInvalid, Session
from tests.builders import NOON


def opened(now: datetime = NOON) -> Session:
    return Session.opened(uuid4(), uuid4(), 1, now)


def test_a_session_that_is_not_refreshed_ends_after_30_days() -> None:
    session = opened()

    assert session.expires_at == NOON + timedelta(days=30)
    assert session.refreshed(0, NOON + timedelta(days=30, seconds=-1)).generation == 1
    with pytest.raises(RefreshTokenInvalid):
        session.refreshed(0, NOON + timedelta(days=30))


def test_no_session_lives_longer_than_90_days() -> None:
    session, now = opened(), NOON
    for generation in range(8):
        now += timedelta(days=11)
        session = session.refreshed(generation, now)

    assert session.expires_at == NOON + timedelta(days=90)
    with pytest.raises(RefreshTokenInvalid):
        session.refreshed(8, NOON + timedelta(days=90))
