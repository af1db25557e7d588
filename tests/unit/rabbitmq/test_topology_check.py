from profile_contracts.operations import OPERATIONS
from service.infrastructure.rabbitmq.topology import EVENT_HISTORY, topology
from service.infrastructure.rabbitmq.topology_check import (
    CheckResult,
    State,
    with_consumers,
    without_consumers,
)

ANSWERED = {"profile.followup", "profile.unroutable", *(each.queue for each in OPERATIONS)}
WHOLE = topology(event_history=True)


def findings(of_workers: int, of_others: int, history: int = 0) -> list[CheckResult]:
    """Return what is found where everything stands, with so many consumers."""
    exchanges = [CheckResult(each, State.OK) for each in WHOLE.exchanges]
    counts = dict.fromkeys(ANSWERED, of_workers) | {EVENT_HISTORY: history}
    queues = [
        CheckResult(each, State.OK, consumers=counts.get(each.name, of_others)) for each in WHOLE.queues
    ]
    return exchanges + queues


def test_a_worker_that_answers_and_nobody_elsewhere_is_as_it_should_be() -> None:
    found = findings(1, 0)

    assert (without_consumers(found), with_consumers(found)) == ([], [])


def test_who_consumes_where_nobody_should_is_told_and_who_does_not_where_somebody_should() -> None:
    found = findings(0, 1)

    assert "profile.retry.5s has 1 consumers and should have none: stop them" in with_consumers(found)
    assert set(without_consumers(found)) == ANSWERED
    assert len(with_consumers(found)) + len(ANSWERED) + 1 == len(WHOLE.queues)


def test_who_reads_an_event_history_is_no_difference() -> None:
    assert with_consumers(findings(1, 0, history=3)) == []


def test_a_queue_that_is_not_there_is_not_said_to_be_without_a_worker() -> None:
    assert without_consumers([CheckResult(each, State.MISSING) for each in WHOLE.queues]) == []
