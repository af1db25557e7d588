"""What the driver raises, in the domain's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from service.domain.errors import Unavailable
from service.pkg.database import bounded_operation


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again later."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for whatever the driver could not do in its time."""
    try:
        with bounded_operation():
            yield
    except PyMongoError as error:
        raise DatabaseUnavailable from error
