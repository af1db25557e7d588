"""Whether the database is there."""

import asyncio
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError

from service.infrastructure.mongo.errors import CALLS
from service.pkg.database import bounded_operation, operation_deadline
from service.pkg.detached import TooManyAbandoned
from service.pkg.retry import TransientErrors

# What may be that the database is starting. A wrong password stays wrong.
STARTING: Final = TransientErrors((ConnectionFailure,))
_GRACE_SECONDS: Final = 0.1


class NoReplicaSet(Exception):
    """MongoDB runs as a single server, which can promise nothing that a majority has to have."""


async def ping(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Return if there is a primary, it answers, and it is of a replica set or of a sharded cluster.

    Raises:
        NoReplicaSet: It is of neither.
        PyMongoError: There is none, or it does not let us in.
        TooManyAbandoned: The driver is stuck.

    """
    with bounded_operation():
        await CALLS.run(database.command("ping"))
        hello = await CALLS.run(database.command("hello"))
    if hello.get("isreplicaset"):  # it is one, and not initiated yet
        raise ConnectionFailure("the replica set has to be initiated")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise NoReplicaSet(
            "MongoDB runs as a single server: start it with --replSet, and initiate the replica set once."
        )


async def is_available(database: AsyncDatabase[dict[str, Any]], seconds: float) -> bool:
    """Return whether there is a primary that answers within so many *seconds*."""
    try:
        # The driver has the same limit, and a driver that is stuck does not keep it.
        with operation_deadline(seconds), bounded_operation():
            async with asyncio.timeout(seconds + _GRACE_SECONDS):
                await CALLS.run(database.command("ping"))
    except (PyMongoError, TimeoutError, TooManyAbandoned):
        return False
    return True
