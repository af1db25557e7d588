import pytest

from service.app.optimistic_update import WriteContention
from service.domain.errors import Conflict, Unavailable
from service.infrastructure.inputports.amqp.deadlines import ServiceTimeout
from service.infrastructure.inputports.amqp.retries import delay_before_retry

ALL = ["profile.retry.5s", "profile.retry.30s", "profile.retry.300s"]


@pytest.mark.parametrize(
    ("error", "times"), [(Conflict(), 1), (ValueError(), 4), (WriteContention(), 4), (ServiceTimeout(), 20)]
)
def test_a_command_is_tried_so_often_and_no_more(error: Exception, times: int) -> None:
    delays = [delay_before_retry(tried, error) for tried in range(times)]

    assert delays == [*(*ALL, *ALL[-1:] * times)[: times - 1], None]


def test_what_is_away_is_waited_for_without_end() -> None:
    assert [delay_before_retry(tried, Unavailable()) for tried in (0, 1, 2, 3, 1_000)] == [
        *ALL,
        ALL[-1],
        ALL[-1],
    ]
