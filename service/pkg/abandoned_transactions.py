"""Ends transactions that nobody goes on with, where somebody waits for what they wrote to.

MongoDB keeps what an open transaction wrote to from all other writers. If its client dies, that lasts for
`transactionLifetimeLimitSeconds`, a minute by default, and it is a setting of the server. PostgreSQL has
`idle_in_transaction_session_timeout` for that, of a role or a client; this is the same from outside.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Final

import pymongo
import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from service.pkg.database import APP_NAME, Documents

# How long an operation takes before somebody may be in its way, and then between one look and the next.
# Three of them fit into `OPERATION_SECONDS`.
PATIENCE_SECONDS: Final = 1.0
# Ours take milliseconds. Whoever is this late is asked to begin again, which is safe, too.
IDLE_SECONDS: Final = 2.0
# How long a look may take.
_LOOK_SECONDS: Final = 1.0

# Sessions of our own user, as the server has it without `allUsers`; without access control those are of
# everybody, so the name of the client counts, too. None of them runs anything just now.
_FIND: Final = [
    {"$currentOp": {"allUsers": False, "idleSessions": True}},
    {
        "$match": {
            "type": "idleSession",
            "appName": APP_NAME,
            "transaction.timeInactiveMicros": {"$gte": int(IDLE_SECONDS * 1_000_000)},
        }
    },
    {"$project": {"lsid.id": 1}},
]

_log = structlog.get_logger("profile.mongo")


class _Looks:
    """The looks of this process: one at a time, and none before `PATIENCE_SECONDS` after the last."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._next = 0.0
        self._was_refused = False

    def begin(self, client: AsyncMongoClient[Documents]) -> None:
        """Look, if it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PATIENCE_SECONDS * 0.9  # a timer may be early
        # Not in the context of whoever waits, whose time may soon be over.
        task = asyncio.get_running_loop().create_task(self._look(client), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, client: AsyncMongoClient[Documents]) -> None:
        try:
            with pymongo.timeout(_LOOK_SECONDS):
                await _end_abandoned(client)
        except ExecutionTimeout:
            pass
        except OperationFailure as error:  # a server that does not know the question, or does not let us ask
            if not self._was_refused:
                self._was_refused = True
                _log.warning("cannot end abandoned transactions", code=error.code)
        except PyMongoError:  # whoever waits gets one of their own
            pass


_looks: Final = _Looks()


class _Timer:
    """Begins a look after each `PATIENCE_SECONDS`, until it is cancelled."""

    def __init__(self, client: AsyncMongoClient[Documents]) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(PATIENCE_SECONDS, self._ring)

    def _ring(self) -> None:
        self._next = self._loop.call_later(PATIENCE_SECONDS, self._ring)
        _looks.begin(self._client)

    def cancel(self) -> None:
        self._next.cancel()


@contextmanager
def ending_abandoned(client: AsyncMongoClient[Documents]) -> Iterator[None]:
    """While the operation inside takes long, end the transactions that may be in its way.

    Of a client that died, or that is so slow that it has to begin again: the driver does so by itself. An
    operation that is as quick as usual costs a timer.
    """
    timer = _Timer(client)
    try:
        yield
    finally:
        timer.cancel()


async def _end_abandoned(client: AsyncMongoClient[Documents]) -> None:
    command = {"aggregate": 1, "pipeline": _FIND, "cursor": {}}
    found = (await client.admin.command(command))["cursor"]["firstBatch"]
    # By id alone: the server adds whose they are, and lets nobody end those of others.
    if sessions := [{"id": each["lsid"]["id"]} for each in found]:
        await client.admin.command("killSessions", sessions)
        _log.warning("ended abandoned transactions", count=len(sessions))
