"""What the driver raises, in the domain's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from service.domain.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again later."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for whatever the driver could not do."""
    try:
        yield
    except PyMongoError as error:
        raise DatabaseUnavailable from error
