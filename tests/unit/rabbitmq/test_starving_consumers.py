from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.infrastructure.rabbitmq import starving_consumers
from service.infrastructure.rabbitmq.queue_depths import Depth
from service.infrastructure.rabbitmq.starving_consumers import StarvingConsumers


@dataclass
class Worker:
    """Its consumers, what they have got, and what its queues hold."""

    ready: dict[str, int] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)
    in_flight: dict[str, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    connection: object = field(default_factory=object)
    renewals: list[float] = field(default_factory=list)
    now: float = 0.0

    async def consumed(self) -> list[str]:
        return [each for each in ("profile.create", "profile.get") if each not in self.paused]

    async def renew(self) -> None:
        self.renewals.append(self.now)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    made = Worker()

    async def depths(_connection: object, queues: Iterable[str]) -> list[Depth]:
        return [Depth(each, exists=True, ready=made.ready.get(each, 0)) for each in queues]

    monkeypatch.setattr(starving_consumers, "depths", depths)
    return made


@pytest.fixture
def watched(worker: Worker) -> StarvingConsumers:
    stand_in: Any = worker
    return StarvingConsumers(stand_in, lambda: worker.arrived, lambda: worker.in_flight)


async def look_until(watched: StarvingConsumers, worker: Worker, seconds: int) -> list[float]:
    """Look every twenty seconds; return when the consumers began anew."""
    while worker.now < seconds:
        await watched.look(worker.now)
        worker.now += 20
    return worker.renewals


async def test_a_worker_that_gets_nothing_begins_anew_and_not_again_and_again(
    watched: StarvingConsumers, worker: Worker
) -> None:
    worker.ready = {"profile.create": 3}

    assert await look_until(watched, worker, 1_500) == [60, 660, 1_260]


async def test_a_worker_that_gets_something_or_is_busy_or_rests_is_left_alone(
    watched: StarvingConsumers, worker: Worker
) -> None:
    worker.ready = {"profile.create": 900, "profile.get": 900}
    for round_ in range(10):
        worker.arrived = {"profile.create": round_}
        worker.in_flight = {"profile.get": 1}
        await watched.look(20.0 * round_)
    worker.paused = {"profile.create"}
    for round_ in range(10, 20):
        await watched.look(20.0 * round_)

    assert worker.renewals == []


async def test_a_queue_that_was_seen_empty_counts_from_then(
    watched: StarvingConsumers, worker: Worker
) -> None:
    for second, ready in ((0, 1), (40, 0), (60, 1), (100, 1)):
        worker.ready = {"profile.create": ready}
        await watched.look(float(second))

    assert worker.renewals == []


async def test_nothing_is_asked_before_there_is_a_connection(
    watched: StarvingConsumers, worker: Worker
) -> None:
    worker.connection, worker.ready = None, {"profile.create": 1}

    assert await look_until(watched, worker, 200) == []
