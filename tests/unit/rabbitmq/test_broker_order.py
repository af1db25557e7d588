import os

import pytest

from service.infrastructure.rabbitmq.broker_order import BrokerOrder

BROKERS = ["a", "b", "c"]
SOON, LATER = 104.0, 200.0


def test_all_connections_of_a_process_go_to_the_same_broker() -> None:
    order = BrokerOrder()
    first, *_ = order.of(BROKERS, "consume", 100.0)
    order.connected("consume", first, 100.0)

    assert order.of([*reversed(BROKERS)], "publish", SOON)[0] == first
    assert order.of(BROKERS, "consume", LATER)[0] == first


def test_processes_spread_over_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = set()
    for pid in range(50):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        firsts.add(BrokerOrder().of(BROKERS, "consume", 100.0)[0])

    assert firsts == set(BROKERS)


def test_who_connects_again_at_once_tries_that_broker_last() -> None:
    order = BrokerOrder()
    first, *others = order.of(BROKERS, "consume", 100.0)
    order.connected("consume", first, 100.0)

    assert order.of(BROKERS, "consume", SOON) == [*others, first]
