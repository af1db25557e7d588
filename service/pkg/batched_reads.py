"""Reads by key that come while another is under way go together, as one question.

Most of what a small read costs is the way to the server and back. Nothing waits for a timer: who comes alone
is asked for at once, and the busier it is, the more go together (Facebook's DataLoader; the group commit of
databases).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, Generic, TypeVar

from service.pkg.trace_context import context_of, current_trace

Key = TypeVar("Key")
Value = TypeVar("Value")

# Keys in one question. MongoDB answers 101 documents in its first batch.
MAX_KEYS: Final = 100
# A question that takes longer holds nothing up: what has come meanwhile overtakes it.
SLOW_SECONDS: Final = 0.05


class BatchedReads(Generic[Key, Value]):
    """Reads the values of many keys with one question, of which each caller gets its own.

    A read begins after it was asked for, never before: whoever has written something finds it.

    Args:
        load: Returns what there is of the values of at most `MAX_KEYS` keys, within a time limit of its own.
            It is never cancelled: whoever is cancelled stops waiting.

    """

    def __init__(self, load: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._load = load
        self._waiting: dict[Key, list[asyncio.Future[Value | None]]] = {}
        self._trace = current_trace()  # of the first who waits for the next question
        self._running: set[asyncio.Task[None]] = set()
        self._last: asyncio.Task[None] | None = None  # nothing is asked before it has ended, or is slow

    async def get(self, key: Key) -> Value | None:
        """Return the value of *key*, or `None` if there is none.

        Several who ask for the same at once get the same object.

        Raises:
            Exception: What `load` has raised.

        """
        found: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._trace = current_trace()
        self._waiting.setdefault(key, []).append(found)
        if self._last is None:
            self._ask()
        return await found

    def _ask(self) -> None:
        """Begin to ask for what is waited for, if anything is."""
        self._last = None
        if self._waiting:
            # Not the context of whoever came first: its time limit is not that of the others.
            context = context_of(self._trace)
            self._last = asyncio.get_running_loop().create_task(self._ask_once(), context=context)
            self._running.add(self._last)
            self._last.add_done_callback(self._running.discard)

    async def _ask_once(self) -> None:
        me = asyncio.current_task()
        batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MAX_KEYS]}
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._ask)
        try:
            found = await self._load(list(batch))
        except Exception as error:  # noqa: BLE001 - each who waits raises it
            for each in _still_waiting(batch.values()):
                each.set_exception(error)
        else:
            for key, waiting in batch.items():
                for each in _still_waiting([waiting]):
                    each.set_result(found.get(key))
        finally:
            slow.cancel()
            if self._last is me:
                self._ask()


def _still_waiting(
    futures: Iterable[Sequence[asyncio.Future[Value | None]]],
) -> Iterator[asyncio.Future[Value | None]]:
    """Return those whose callers have not gone."""
    return (each for each in chain.from_iterable(futures) if not each.done())
