from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from service.app.ids import new_id
from tests.builders import NOON

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds it
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


@given(MOMENTS)
def test_an_id_is_a_uuid_of_version_7(now: datetime) -> None:
    made = new_id(now)

    assert made.version == 7
    assert made.variant == RFC_4122


@given(MOMENTS)
def test_an_id_tells_the_millisecond_it_was_made_in(now: datetime) -> None:
    assert EPOCH + timedelta(milliseconds=new_id(now).int >> 80) == now


def test_every_millisecond_of_a_second_is_told_apart() -> None:
    moments = [NOON + timedelta(milliseconds=each) for each in range(1000)]

    assert [EPOCH + timedelta(milliseconds=new_id(now).int >> 80) for now in moments] == moments


@given(MOMENTS)
def test_ids_made_later_sort_later(now: datetime) -> None:
    earlier, later = new_id(now), new_id(now + timedelta(milliseconds=1))

    assert earlier < later
    assert str(earlier) < str(later)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({new_id(NOON) for _ in range(1000)}) == 1000
