"""Reads that come while another is under way go together, and nobody gets what was read too early."""

import asyncio
import contextvars
from collections.abc import Mapping, Sequence

import pytest

from service.pkg import batched_reads
from service.pkg.batched_reads import MAX_KEYS, BatchedReads
from service.pkg.trace_context import current_trace, working_for

VARIABLE = contextvars.ContextVar("variable", default="nobody's")


class Store:
    """Numbers and their squares; it answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.failure: Exception | None = None
        self.seen: list[str] = []
        self.written = {number: number**2 for number in range(1000)}

    async def load(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(keys))
        self.seen.append(VARIABLE.get())
        found = {key: self.written[key] for key in keys if key in self.written}
        await self.answering.wait()
        if self.failure:
            raise self.failure
        return found


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def reads(store: Store) -> BatchedReads[int, int]:
    return BatchedReads(store.load)


async def turns(number: int = 5) -> None:
    """Let the event loop do what can be done."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_everybody_gets_the_value_of_their_own_key(reads: BatchedReads[int, int], store: Store) -> None:
    found = await asyncio.gather(*map(reads.get, [3, 4, 3, 5000]))

    assert found == [9, 16, 9, None]
    assert store.asked == [[3, 4, 5000]]


async def test_who_comes_alone_waits_for_nobody(reads: BatchedReads[int, int], store: Store) -> None:
    assert [await reads.get(3), await reads.get(4)] == [9, 16]
    assert store.asked == [[3], [4]]


async def test_what_comes_meanwhile_goes_together(reads: BatchedReads[int, int], store: Store) -> None:
    store.answering.clear()
    first = asyncio.create_task(reads.get(1))
    await turns()
    others = [asyncio.create_task(reads.get(number)) for number in (2, 3, 4)]
    await turns()
    assert store.asked == [[1]]
    store.answering.set()

    assert await asyncio.gather(first, *others) == [1, 4, 9, 16]
    assert store.asked == [[1], [2, 3, 4]]


async def test_a_read_begins_after_it_was_asked_for(reads: BatchedReads[int, int], store: Store) -> None:
    """Whoever has written while another read was under way finds it."""
    store.answering.clear()
    before = asyncio.create_task(reads.get(1))
    await turns()
    store.written[1] = 100
    after = asyncio.create_task(reads.get(1))
    await turns()
    store.answering.set()

    assert (await before, await after) == (1, 100)


async def test_a_slow_question_is_overtaken(reads: BatchedReads[int, int], store: Store) -> None:
    store.answering.clear()
    slow = asyncio.create_task(reads.get(1))
    await turns()
    store.answering = asyncio.Event()
    store.answering.set()
    async with asyncio.timeout(5):
        assert await reads.get(2) == 4

    assert not slow.done()
    slow.cancel()
    await asyncio.wait([slow])


@pytest.mark.parametrize("asking", [1, 4])
async def test_a_failure_is_raised_by_each_who_waited_and_by_nobody_else(
    reads: BatchedReads[int, int], store: Store, asking: int
) -> None:
    store.failure = ConnectionError("gone")
    failed = await asyncio.gather(*map(reads.get, range(asking)), return_exceptions=True)
    store.failure = None

    assert [type(each) for each in failed] == [ConnectionError] * asking
    assert await reads.get(5) == 25


async def test_who_stops_waiting_takes_nothing_from_others(
    reads: BatchedReads[int, int], store: Store
) -> None:
    store.answering.clear()
    gone, stays = asyncio.create_task(reads.get(1)), asyncio.create_task(reads.get(1))
    await turns()
    gone.cancel()
    await turns()
    store.answering.set()

    assert await stays == 1
    assert gone.cancelled()


async def test_nobody_left_does_not_stop_it(reads: BatchedReads[int, int], store: Store) -> None:
    store.failure = ConnectionError("gone")
    gone = asyncio.create_task(reads.get(1))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    store.failure = None

    assert await reads.get(2) == 4


async def test_one_question_has_so_many_keys_at_most(reads: BatchedReads[int, int], store: Store) -> None:
    numbers = range(2 * MAX_KEYS + 1)
    found = await asyncio.gather(*map(reads.get, numbers))

    assert found == [number**2 for number in numbers]
    assert [len(each) for each in store.asked] == [MAX_KEYS, MAX_KEYS, 1]


async def test_no_caller_gives_its_context_to_others(reads: BatchedReads[int, int], store: Store) -> None:
    VARIABLE.set("a caller's")
    await reads.get(1)

    assert store.seen == ["nobody's"]


async def test_nothing_is_left_running(
    reads: BatchedReads[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched_reads, "SLOW_SECONDS", 0.0)  # each is overtaken at once
    before = len(asyncio.all_tasks())
    for _ in range(10):
        await asyncio.gather(*map(reads.get, range(10)))
    await turns()

    assert len(asyncio.all_tasks()) == before


async def test_a_question_belongs_to_the_trace_of_the_first_who_waits_for_it() -> None:
    seen: list[str] = []
    asked, answering = asyncio.Event(), asyncio.Event()

    async def load(keys: Sequence[int]) -> Mapping[int, int]:
        seen.append(current_trace().get("traceparent", "none"))
        asked.set()
        await answering.wait()
        return dict.fromkeys(keys, 0)

    squares = BatchedReads(load)

    async def ask(key: int, trace: str) -> None:
        with working_for({"traceparent": trace} if trace else {}):
            await squares.get(key)

    first = asyncio.ensure_future(ask(0, "a"))
    await asked.wait()
    others = [asyncio.ensure_future(ask(number, trace)) for number, trace in enumerate(["b", "c"])]
    await asyncio.sleep(0)  # they wait now
    answering.set()
    await asyncio.gather(first, *others)
    await ask(3, "")

    assert seen == ["a", "b", "none"]
