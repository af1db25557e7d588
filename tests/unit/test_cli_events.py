import re
from datetime import UTC, datetime, timedelta

import pytest
import typer

from service.cli.events import start_of
from service.infrastructure.rabbitmq.definitions import PERMISSIONS
from service.infrastructure.rabbitmq.event_history import Start
from tests.builders import NOON
from tests.unit.profilectl import profilectl

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first", "first"),
        ("0", 0),
        ("4711", 4711),
        (str(2**63 - 1), 2**63 - 1),
        ("30s", NOON - timedelta(seconds=30)),
        ("5m", NOON - timedelta(minutes=5)),
        ("2h", NOON - timedelta(hours=2)),
        ("7d", NOON - timedelta(days=7)),
        ("2026-11-27T08:00:00Z", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("2026-11-27T09:00:00+01:00", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("2026-11-27T08:00", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("2026-11-27", datetime(2026, 11, 27, tzinfo=UTC)),
        # AMQP knows no time before that.
        ("100000d", EPOCH),
        ("1900-01-01", EPOCH),
    ],
)
def test_a_place_is_the_beginning_a_number_an_age_or_a_time(text: str, expected: Start) -> None:
    assert start_of(text, NOON) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "last", "-1", "+1", "1.5", "2w", "h", "2 h", "٣", str(2**63), "9" * 5000, "999999999d"),
        *("yesterday", "2026-13-01", "0001-01-01T00:00+14:00"),
    ],
)
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="an age such as 2h"):
        start_of(text, NOON)


def test_the_help_names_the_user_that_may_have_a_queue_for_events() -> None:
    may = [user for user, (configure, _, _) in PERMISSIONS.items() if re.match(configure, f"{user}.events.1")]
    help_text = " ".join(profilectl("events", "tail", "--help").stdout.split())

    assert f"such as `{may[0]}`" in help_text
    assert may == ["gateway"]
