import json
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from profile_contracts.operations import PROFILE_UPDATE
from service.domain.errors import NotFound, Unavailable
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.deadlines import OutOfTime
from service.infrastructure.inputports.amqp.stages.record_metrics import RecordMetrics
from tests.builders import NOON
from tests.fakes.clock import FakeClock
from tests.unit.inputports.amqp.stages.running import a_context


class Measured:
    """The stage, and what it says."""

    def __init__(self, *, is_broker_believed: bool = False) -> None:
        self.registry = CollectorRegistry()
        self.record = RecordMetrics(self.registry, Arrivals(FakeClock(NOON), is_broker_believed))

    def requests(self, code: str, operation: str = "profile.get", value: str = "count") -> float | None:
        """How many requests of *operation* ended with *code*; or the sum of their durations."""
        labels = {
            "rpc_system_name": "rabbitmq",
            "rpc_method": operation,
            "rpc_response_status_code": code,
            "error_type": "" if code == "ok" else code,
        }
        return self.registry.get_sample_value(f"rpc_server_call_duration_seconds_{value}", labels)

    def of(self, name: str, operation: str = "profile.get") -> float | None:
        return self.registry.get_sample_value(name, {"operation": operation})


def failed(cause: Exception, request: object = None) -> MessageContext:
    context = a_context()
    context.request = request
    context.fail(cause)
    return context


async def test_each_request_is_measured_by_operation_and_code() -> None:
    measured = Measured()
    for context in (a_context(), failed(NotFound()), failed(NotFound()), failed(KeyError())):
        await measured.record(context)

    assert [measured.requests(code) for code in ("ok", "not_found", "internal")] == [1, 2, 1]


async def test_what_is_counted_for_an_operation_is_there_before_its_first_request() -> None:
    measured = Measured()
    names = ("profile_requests_expired_total", "profile_requests_deduplicated_total")

    assert measured.requests("ok", "profile.update") == 0
    assert [measured.of(name, "profile.update") for name in names] == [0, 0]
    assert measured.requests("not_found") is None


async def test_a_duration_counts_from_the_delivery() -> None:
    measured, context = Measured(), a_context()
    context.arrived -= 3
    context.started = context.arrived + 2
    await measured.record(context)

    assert 3 <= (measured.requests("ok", value="sum") or 0) < 4


@pytest.mark.parametrize(
    ("context", "count"),
    [
        (failed(OutOfTime()), 1),
        (failed(OutOfTime(), object()), 0),
        (failed(Unavailable()), 0),
    ],
    ids=["before it was begun", "while it was worked on", "another error"],
)
async def test_expired_is_what_came_too_late_to_be_begun(context: MessageContext, count: int) -> None:
    measured = Measured()
    await measured.record(context)

    assert measured.of("profile_requests_expired_total") == count


async def test_a_repeated_command_is_counted() -> None:
    measured, context = Measured(), a_context(route=PROFILE_UPDATE)
    context.mark_repeated()
    await measured.record(context)

    assert measured.of("profile_requests_deduplicated_total", "profile.update") == 1


@pytest.mark.parametrize(
    ("headers", "is_broker_believed", "count"),
    [
        ({"timestamp_in_ms": int((NOON - timedelta(seconds=20)).timestamp() * 1000)}, True, 1),
        ({"timestamp_in_ms": int((NOON - timedelta(seconds=20)).timestamp() * 1000)}, False, 0),
        ({"timestamp_in_ms": 1, "x-attempts": 1}, True, 0),
        ({"timestamp_in_ms": "then"}, True, 0),
        ({}, True, 0),
    ],
    ids=["said by the broker", "said by anybody", "of a retry", "no number", "not said"],
)
async def test_the_wait_in_the_queue_is_what_the_broker_says(
    headers: dict[str, Any], count: int, *, is_broker_believed: bool
) -> None:
    measured = Measured(is_broker_believed=is_broker_believed)
    await measured.record(a_context(json.dumps({}).encode(), headers=headers))

    assert measured.of("profile_queue_wait_seconds_count") == count
    if count:
        assert measured.of("profile_queue_wait_seconds_sum") == pytest.approx(20, abs=1)
