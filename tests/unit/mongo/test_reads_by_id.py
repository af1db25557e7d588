"""How long a query for many callers may take. `tests/ports` shows on MongoDB what it finds."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.reads_by_id import ReadsById
from service.pkg import batched_reads
from service.pkg.batched_reads import MAX_KEYS
from service.pkg.database import Documents, operation_deadline

NEVER = 1_000_000.0


class FakeCollection:
    """Has every document, and answers one query each time that it is let."""

    def __init__(self) -> None:
        self.asked: list[Sequence[UUID]] = []
        self.was_asked = asyncio.Semaphore(0)
        self.may_answer = asyncio.Semaphore(0)

    def find(self, query: Mapping[str, Any], _projection: object) -> "FakeCursor":
        self.asked.append(query["id"]["$in"])
        self.was_asked.release()
        return FakeCursor(self.asked[-1], self.may_answer)


class FakeCursor:
    def __init__(self, ids: Sequence[UUID], may_answer: asyncio.Semaphore) -> None:
        self._ids, self._may_answer = ids, may_answer

    async def to_list(self) -> list[Documents]:
        await self._may_answer.acquire()
        return [{"id": each} for each in self._ids]


@pytest.fixture
def collection(monkeypatch: pytest.MonkeyPatch) -> FakeCollection:
    """Nothing overtakes a query that takes long."""
    monkeypatch.setattr(batched_reads, "SLOW_SECONDS", NEVER)
    return FakeCollection()


async def found(reads: ReadsById, seconds: float) -> bool:
    with operation_deadline(seconds):
        return await reads.find(uuid4()) is not None


async def test_who_has_little_time_takes_none_from_those_whom_the_query_before_had_no_room_for(
    collection: FakeCollection,
) -> None:
    stand_in: Any = collection
    reads = ReadsById(stand_in)
    patient = [asyncio.create_task(found(reads, 30.0))]
    await collection.was_asked.acquire()
    patient += [asyncio.create_task(found(reads, 30.0)) for _ in range(MAX_KEYS + 1)]
    collection.may_answer.release()
    await collection.was_asked.acquire()
    with pytest.raises(DatabaseUnavailable):
        await found(reads, 0.01)
    for _ in range(2):
        collection.may_answer.release()

    assert all(await asyncio.gather(*patient))
    assert [len(each) for each in collection.asked] == [1, MAX_KEYS, 2]
