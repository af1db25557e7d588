"""How the driver is called: in its own time, and with its errors in the domain's words."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from service.domain.errors import Unavailable
from service.pkg.abandoned_transactions import ending_abandoned
from service.pkg.database import Documents, bounded_operation
from service.pkg.detached import DetachedCalls, TooManyAbandoned

Given = ParamSpec("Given")
Value = TypeVar("Value")

# Of this process: all clients of a driver share what can be stuck.
CALLS: Final = DetachedCalls("mongodb")


class DatabaseUnavailable(Unavailable):
    """The driver could not do what it was asked in its time."""

    reason = "database_unavailable"
    message = "The database does not answer; try again later."


class Store(Protocol):
    """What calls the driver."""

    @property
    def client(self) -> AsyncMongoClient[Documents]:
        """The client that it does so by."""


AnyStore = TypeVar("AnyStore", bound=Store)


def database_call(
    method: Callable[Concatenate[AnyStore, Given], Coroutine[Any, Any, Value]],
) -> Callable[Concatenate[AnyStore, Given], Coroutine[Any, Any, Value]]:
    """Let *method* call the driver: bounded in time, and never cancelled from outside.

    Whoever is cancelled stops waiting; a write that was begun may still be done then. Whatever the driver
    could not do in its time is raised as `DatabaseUnavailable`. While it takes long, transactions of clients
    that died are ended.
    """

    @wraps(method)
    async def call(store: AnyStore, /, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        try:
            with bounded_operation(), ending_abandoned(store.client):
                return await CALLS.run(method(store, *args, **kwargs))
        except (PyMongoError, TooManyAbandoned) as error:
            raise DatabaseUnavailable from error

    return call
