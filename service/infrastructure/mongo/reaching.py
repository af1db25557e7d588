"""Whether the database is there."""

from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError

from service.pkg.database import answering_within, bounded_operation
from service.pkg.patience import Passing

# What may be that the database is starting. A wrong password stays wrong.
STARTING: Final = Passing((ConnectionFailure,))


async def reach(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Return if there is a primary, and it answers.

    Raises:
        PyMongoError: There is none, or it does not let us in.

    """
    with bounded_operation():
        await database.command("ping")


async def is_there(database: AsyncDatabase[dict[str, Any]], seconds: float) -> bool:
    """Return whether there is a primary that answers within so many *seconds*."""
    try:
        with answering_within(seconds):
            await reach(database)
    except PyMongoError:
        return False
    return True
