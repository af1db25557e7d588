"""Opens MongoDB with our timeouts, through either driver."""

import asyncio
import inspect
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from contextvars import Context, ContextVar
from typing import Any, Final, Literal

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, ExecutionTimeout, InvalidURI, PyMongoError
from pymongo.monitoring import CommandListener

from service.pkg.url_passwords import require_encoded

MongoDriver = Literal["pymongo", "motor"]
Documents = dict[str, Any]

# How long an operation may take, with all its tries. In that time the driver tries again at once whatever
# is safe to be tried again (MongoDB's specifications "Client Side Operations Timeout", "Retryable Writes").
OPERATION_SECONDS: Final = 4.0
# What servers know our clients by.
APP_NAME: Final = "profile-service"
_OPTIONS: Final[dict[str, Any]] = {
    "appname": APP_NAME,
    "uuidRepresentation": "standard",
    "tz_aware": True,
    "w": "majority",
    "readPreference": "primary",
    "retryWrites": True,
    "connectTimeoutMS": 2_000,
    # How long a request waits for a primary before it is `unavailable`.
    "serverSelectionTimeoutMS": 2_000,
    # How long it waits for one of the connections, where they are all in use.
    "waitQueueTimeoutMS": 2_000,
    # How long any operation may take that has no limit of its own.
    "timeoutMS": int(OPERATION_SECONDS * 1000),
}
# How long it may take to say goodbye to the servers.
_CLOSING_SECONDS: Final = 2.0
# How long it may take to end a transaction that has failed.
_ENDING_SECONDS: Final = 2.0
_endings: Final[set[asyncio.Task[None]]] = set()
# Nothing is done in less.
_LEAST_SECONDS: Final = 0.005
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


def open_mongo(
    url: str, driver: MongoDriver = "pymongo", listeners: Sequence[CommandListener] = ()
) -> AsyncMongoClient[Documents]:
    """Return a client; it connects when it is first used, and tells *listeners* of each command.

    Motor's client has the same methods as far as this service goes, so it passes for PyMongo's.

    Raises:
        InvalidURI: The address is none; the sentence shows no part of a password.

    """
    try:
        require_encoded(url)
        return _client(url, driver, listeners)
    except ValueError as error:  # of a port that is none, too
        raise InvalidURI(str(error)) from None


def _client(
    url: str, driver: MongoDriver, listeners: Sequence[CommandListener]
) -> AsyncMongoClient[Documents]:
    if driver == "motor":
        from motor.motor_asyncio import AsyncIOMotorClient  # noqa: PLC0415 - an extra, seldom there

        motor: Any = AsyncIOMotorClient(url, event_listeners=listeners, **_OPTIONS)
        return motor  # type: ignore[no-any-return]
    return AsyncMongoClient(url, event_listeners=listeners, **_OPTIONS)


def default_database(client: AsyncMongoClient[Documents]) -> AsyncDatabase[Documents]:
    """Return the database that the client's URL names, or `profiles`."""
    return client.get_default_database("profiles")


async def close_mongo(client: AsyncMongoClient[Documents]) -> None:
    """Close the client; only PyMongo's has to be waited for, and not for ever."""
    closing: Any = client.close()
    if inspect.isawaitable(closing):
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await closing


async def in_transaction(
    client: AsyncMongoClient[Documents], work: Callable[[AsyncClientSession], Awaitable[None]]
) -> None:
    """Do *work* as one: all of its writes are stored, or none. It may be done again if others interfere."""
    opening: Any = client.start_session()  # only Motor's has to be waited for
    session = await opening if inspect.isawaitable(opening) else opening
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(session.end_session)
        try:
            await session.with_transaction(work)
        except DuplicateKeyError:  # over which the server has ended it
            raise
        except PyMongoError:
            # A driver that has run out of time aborts nothing, and then the server keeps what was written to
            # from everybody else for a minute. So it is ended beside us, and outside of our time limit.
            ending = _end_transaction(client, session.session_id, cleanup.pop_all())
            task = asyncio.create_task(ending, context=Context())
            _endings.add(task)
            task.add_done_callback(_endings.discard)
            raise


async def _end_transaction(
    client: AsyncMongoClient[Documents], session_id: Mapping[str, Any], cleanup: AsyncExitStack
) -> None:
    async with cleanup:  # only then may somebody else have the session
        with suppress(PyMongoError), pymongo.timeout(_ENDING_SECONDS):
            await client.admin.command("killSessions", [session_id])


@contextmanager
def operation_deadline(seconds: float) -> Iterator[None]:
    """Let no operation inside take longer than until so many seconds from now."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def bounded_operation() -> Iterator[None]:
    """Bound the time of the operation inside, here and, by `maxTimeMS`, in the server.

    Raises:
        ExecutionTimeout: There is hardly any time left, so it is not begun.

    """
    with pymongo.timeout(min(OPERATION_SECONDS, seconds_left())):
        yield


def seconds_left() -> float:
    """Return how long an operation may take by the deadline, which may be for ever.

    Raises:
        ExecutionTimeout: There is hardly any time left.

    """
    left = _deadline.get() - time.monotonic()
    if left < _LEAST_SECONDS:
        message = "no time left"
        raise ExecutionTimeout(message)
    return left
