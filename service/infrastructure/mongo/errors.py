"""What the driver raises, in the domain's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.errors import PyMongoError

from service.domain.errors import Unavailable
from service.pkg.database import bounded_operation


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again later."""


# Many wait for a server while there is none. If one of them is cancelled then, PyMongo 4.20 may release the
# lock of another one, who hears this (seen by `make chaos`; its `_asyncio_lock` is asyncio's of Python 3.11).
_LOST_LOCKS: Final = frozenset({"cannot wait on un-acquired lock", "Lock is not acquired"})


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for whatever the driver could not do in its time."""
    try:
        with bounded_operation():
            yield
    except PyMongoError as error:
        raise DatabaseUnavailable from error
    except RuntimeError as error:
        if str(error) not in _LOST_LOCKS:
            raise
        raise DatabaseUnavailable from error
