"""How the driver is called: in its own time, and with its errors in the domain's words."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from pymongo.errors import PyMongoError

from service.domain.errors import Unavailable
from service.pkg.database import bounded_operation
from service.pkg.detached import DetachedCalls, TooManyAbandoned

Given = ParamSpec("Given")
Value = TypeVar("Value")

# Of this process: all clients of a driver share what can be stuck.
CALLS: Final = DetachedCalls("mongodb")


class DatabaseUnavailable(Unavailable):
    """The driver could not do what it was asked in its time."""

    reason = "database_unavailable"
    message = "The database does not answer; try again later."


def database_call(
    method: Callable[Given, Coroutine[Any, Any, Value]],
) -> Callable[Given, Coroutine[Any, Any, Value]]:
    """Let *method* call the driver: bounded in time, and never cancelled from outside.

    Whoever is cancelled stops waiting; a write that was begun may still be done then. Whatever the driver
    could not do in its time is raised as `DatabaseUnavailable`.
    """

    @wraps(method)
    async def call(*args: Given.args, **kwargs: Given.kwargs) -> Value:
        try:
            with bounded_operation():
                return await CALLS.run(method(*args, **kwargs))
        except (PyMongoError, TooManyAbandoned) as error:
            raise DatabaseUnavailable from error

    return call
