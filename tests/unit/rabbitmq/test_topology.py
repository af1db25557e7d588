import re
from typing import Any

import pytest

from profile_contracts.events import EVENTS_EXCHANGE
from profile_contracts.operations import OPERATIONS, Kind, Operation
from service.infrastructure.rabbitmq.topology import (
    CASCADE_EVENTS,
    CASCADE_QUEUE,
    COMMANDS_EXCHANGE,
    EVENT_HISTORY,
    MALFORMED,
    PARKED,
    RETRIES,
    UNROUTABLE,
    Policy,
    Queue,
    QueueType,
    topology,
    work_queue,
)

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
TYPES: list[QueueType] = ["classic", "quorum"]


def matching(name: str, apply_to: str = "queues") -> list[Policy]:
    """Return the policies of the highest priority for *name*, of which RabbitMQ takes any one."""
    found = [
        each for each in topology().policies if each.apply_to == apply_to and re.search(each.pattern, name)
    ]
    return [each for each in found if each.priority == max(other.priority for other in found)]


def policy(name: str) -> dict[str, Any]:
    """Return what the one policy for queue *name* says."""
    [found] = matching(name)
    return dict(found.definition)


@each_operation
@pytest.mark.parametrize("query_type", TYPES)
def test_commands_wait_in_quorum_queues_and_queries_where_configured(
    operation: Operation[Any, Any], query_type: QueueType
) -> None:
    expected = "quorum" if operation.kind is Kind.COMMAND else query_type

    assert work_queue(operation, query_type) == Queue(operation.queue, expected)
    assert Queue(f"{operation.queue}.dlq", "quorum") in topology(query_type).queues


@pytest.mark.parametrize("query_type", TYPES)
def test_every_operation_has_a_queue_a_binding_and_dead_letters(query_type: QueueType) -> None:
    whole = topology(query_type)
    queues = {each.name for each in whole.queues}
    bound = {(each.exchange, each.queue, each.routing_key) for each in whole.bindings}

    ours = {UNROUTABLE, PARKED, MALFORMED, CASCADE_QUEUE, f"{CASCADE_QUEUE}.dlq", *RETRIES}
    assert queues == {name for each in OPERATIONS for name in (each.queue, each.dead_letters)} | ours
    assert len(whole.queues) == len(queues)
    assert bound == {
        *((COMMANDS_EXCHANGE, each.queue, each.queue) for each in OPERATIONS),
        (UNROUTABLE, UNROUTABLE, ""),
        *((EVENTS_EXCHANGE, CASCADE_QUEUE, each) for each in CASCADE_EVENTS),
        *((each, each, "") for each in RETRIES),
    }


def test_a_delay_ends_in_the_queue_that_the_message_names() -> None:
    assert sorted(RETRIES, key=lambda each: RETRIES[each]) == list(RETRIES)  # in the order of use
    for name, milliseconds in RETRIES.items():
        definition = policy(name)

        assert (definition["message-ttl"], definition["dead-letter-exchange"]) == (milliseconds, "")
        # Or the broker might lose a message on its way back.
        assert definition["dead-letter-strategy"] == "at-least-once"
        assert definition["overflow"] == "reject-publish"


@pytest.mark.parametrize("query_type", TYPES)
def test_queues_are_declared_with_their_type_and_nothing_else(query_type: QueueType) -> None:
    for queue in topology(query_type).queues:
        assert queue.arguments == {"x-queue-type": queue.type}


@pytest.mark.parametrize("query_type", TYPES)
def test_an_event_history_is_a_stream_beside_all_else_that_says_how_much_is_kept(
    query_type: QueueType,
) -> None:
    without, whole = topology(query_type), topology(query_type, event_history=True)
    [history] = set(whole.queues) - set(without.queues)
    [limits] = [each for each in whole.policies if each not in without.policies]

    assert whole.exchanges == without.exchanges
    assert history == Queue(EVENT_HISTORY, "stream")
    # A stream keeps its last segment for ever: the size of one can't be left to RabbitMQ, nor to a policy.
    assert history.arguments == {
        "x-queue-type": "stream",
        "x-stream-max-segment-size-bytes": 16 * 1024 * 1024,
    }
    assert [(each.exchange, each.routing_key) for each in whole.bindings if each not in without.bindings] == [
        (EVENTS_EXCHANGE, "profile.*"),
        (EVENTS_EXCHANGE, "post.*"),
    ]
    assert [each for each in whole.policies if re.search(each.pattern, EVENT_HISTORY)] == [limits]
    assert limits.definition == {"max-age": "1Y", "max-length-bytes": 10 * 1024**3}


def test_every_queue_obeys_exactly_one_policy() -> None:
    for queue in topology().queues:
        assert len(matching(queue.name)) == 1, queue.name


@pytest.mark.parametrize(
    "name", ["amq.gen-a", "gateway.replies", "profile.create.x", "xprofile.create", "profileXcreate", ""]
)
def test_queues_of_others_obey_none(name: str) -> None:
    assert matching(name) == []


@each_operation
def test_a_work_queue_is_bounded_and_says_so_to_publishers(operation: Operation[Any, Any]) -> None:
    definition = policy(operation.queue)

    assert definition["max-length"] > 0
    assert definition["overflow"] == "reject-publish"
    assert ("delivery-limit" in definition) is (operation.kind is Kind.COMMAND)


@each_operation
def test_the_broker_never_moves_a_request_by_itself(operation: Operation[Any, Any]) -> None:
    assert "dead-letter-exchange" not in policy(operation.queue)


@each_operation
def test_dead_letters_are_kept_for_two_weeks(operation: Operation[Any, Any]) -> None:
    definition = policy(operation.dead_letters)

    assert (definition["max-length"], definition["message-ttl"]) == (50_000, 1_209_600_000)


@pytest.mark.parametrize("queue", [PARKED, *(each.dead_letters for each in OPERATIONS)])
def test_no_letter_is_lost_because_somebody_looks_at_it(queue: str) -> None:
    # RabbitMQ 4.0 drops a message that came back 20 times, unless a policy names another number.
    assert policy(queue)["delivery-limit"] == 1_000_000


def test_what_is_parked_is_kept_and_a_full_parking_queue_says_so() -> None:
    definition = policy(PARKED)

    assert "message-ttl" not in definition
    assert (definition["max-length"], definition["overflow"]) == (50_000, "reject-publish")


def test_what_makes_no_sense_pushes_no_genuine_letter_out() -> None:
    assert MALFORMED not in {each.dead_letters for each in OPERATIONS}
    assert policy(MALFORMED)["max-length"] == 1_000


def test_every_queue_is_bounded_in_bytes() -> None:
    for queue in topology().queues:
        assert 0 < policy(queue.name)["max-length-bytes"] <= 256 * 1024 * 1024, queue.name


def test_misdirected_requests_are_kept_for_a_day() -> None:
    assert policy(UNROUTABLE)["message-ttl"] == 86_400_000
    assert [each.definition for each in matching(COMMANDS_EXCHANGE, "exchanges")] == [
        {"alternate-exchange": UNROUTABLE}
    ]


def test_no_two_policies_share_a_name() -> None:
    names = [each.name for each in topology().policies]

    assert len(set(names)) == len(names)
