from datetime import datetime, timedelta

import pytest

from service.infrastructure.inputports.amqp.arrivals import LONGEST_WAIT, Arrivals
from service.infrastructure.inputports.amqp.sender_signature import LATEST, History
from tests.builders import NOON
from tests.fakes.broker import message
from tests.fakes.clock import FakeClock

HOUR = timedelta(hours=1)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def first(said: object, signed: int = 0, *, is_broker_believed: bool = True) -> datetime:
    """Return when a message first came, of which the broker and a worker say so."""
    arrivals = Arrivals(FakeClock(NOON), is_broker_believed)
    return arrivals.first(message(headers={"timestamp_in_ms": said}), History(arrived_at=signed))


def test_the_broker_is_believed_if_it_says_so_of_every_message() -> None:
    assert first(ms(NOON - HOUR)) == NOON - HOUR
    assert first(ms(NOON - HOUR), is_broker_believed=False) == NOON


def test_a_worker_that_has_seen_it_before_knows_better() -> None:
    for is_broker_believed in (True, False):
        said = first(ms(NOON), ms(NOON - HOUR), is_broker_believed=is_broker_believed)
        assert said == NOON - HOUR


@pytest.mark.parametrize("said", [ms(NOON + HOUR), LATEST, LATEST + 1, 0, -1, "1", True, None, [], {}])
def test_what_makes_no_sense_or_lies_ahead_is_now(said: object) -> None:
    assert first(said) == NOON


def test_nothing_waits_for_longer_than_a_day() -> None:
    assert first(1) == first(ms(NOON - LONGEST_WAIT - HOUR)) == NOON - LONGEST_WAIT
    assert first(None, 1) == NOON - LONGEST_WAIT
