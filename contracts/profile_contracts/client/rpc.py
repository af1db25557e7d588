"""The typed client: requests and their replies over RabbitMQ. Many calls may be in flight at once."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Union, Unpack
from weakref import WeakSet

from aio_pika.exceptions import DeliveryError, PublishError
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from profile_contracts.call_options import DEFAULT_TIMEOUT, CallOptions, require_timeout, timeout_of
from profile_contracts.client.calls import Call
from profile_contracts.client.event_subscriber import EventSubscriber
from profile_contracts.client.reconnecting import RpcConnection
from profile_contracts.client.replies import ReplyMode
from profile_contracts.client.retries import may_have_arrived, pause_before_retry, says_nothing_of_earlier
from profile_contracts.errors import (
    CallFailed,
    Disconnected,
    Nacked,
    NoReply,
    NotSent,
    UnreadableReply,
    Unroutable,
    to_exception,
)
from profile_contracts.event_feed import REMEMBERED, OnGap
from profile_contracts.fields import Request
from profile_contracts.operations import Operation
from profile_contracts.profile_api import ProfileApi
from profile_contracts.replies import Failure, Success

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")

_SCHEMES: Final = ("amqp", "amqps")
# aiormq gives a line up after three of these, and a second each.
_HEARTBEAT_SECONDS: Final = 5


class ProfileClient(ProfileApi):
    """Asks the profile service. `async with` connects and disconnects.

    A lost connection is made again by the next call. A closed client stays closed.

    Args:
        url: The broker, with user and virtual host; or several nodes of it, which are tried in an order of
            this client's own. One that takes more than half a second has the next one tried beside it.
        timeout: How long a call waits for its result, in seconds, at most a day. The service knows it,
            and does no work after that.
        connect_timeout: How long connecting to one address may take, in seconds, at most a day.
        retry: Whether calls that failed are sent again, where that is safe, within their time.
        name: What the console calls the connection.
        replies: How they come: `direct`, by RabbitMQ's direct reply-to, or by a `queue` of this client's own,
            where the replies to calls in flight outlive a lost connection. When which one is right:
            `docs/howto/replies.md`.

    Raises:
        ValueError: A timeout is out of bounds, an address is none, they are not all of one user, or there is
            no such way for replies.

    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        timeout: float = DEFAULT_TIMEOUT,
        connect_timeout: float = 5.0,
        retry: bool = True,
        name: str = "profile-client",
        replies: ReplyMode = "direct",
    ) -> None:
        urls = [_with_connection_name(each, name) for each in ([url] if isinstance(url, str) else url)]
        self._user = _only_user(urls)
        self._urls = _shuffled(urls)
        self._name = name
        self._timeout = require_timeout(timeout)
        self._connect_timeout = require_timeout(connect_timeout)
        self._retry = retry
        self._connection = RpcConnection(self._urls, self._connect_timeout, replies)
        self._subscribers: WeakSet[EventSubscriber] = WeakSet()

    async def __aenter__(self) -> Self:
        """Connect. Whoever gives up meanwhile, by a cancellation or a limit of theirs, closes the client.

        Raises:
            Disconnected: The broker isn't there, or lets nobody in, or says nothing.
            QueueRefused: The user may not have a queue of replies.

        """
        try:
            await self._connection.channel()
        except asyncio.CancelledError:  # nobody will leave what was not entered
            await self._connection.close()  # within a few seconds
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect, within a few seconds; calls in flight are `Disconnected`."""
        await asyncio.gather(self._connection.close(), *(each.close() for each in self._subscribers))

    async def call(
        self,
        operation: Operation[RequestT, ResultT],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> ResultT:
        """Ask for *operation* and return its result.

        Raises:
            CallFailed: See `profile_contracts.errors`.
            ValueError: The timeout is out of bounds.

        """
        seconds = timeout_of(options, self._timeout, request)
        deadline = time.time() + seconds
        body = request.model_dump_json().encode()
        call = Call.of(operation, body, token, options, user=self._user, deadline=deadline)

        async def ask() -> ResultT:
            return _result(operation, await self._ask(call, seconds))

        return await self._retried(operation, deadline, ask)

    async def publish(
        self,
        operation: Operation[RequestT, Any],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send the command *request*, and wait until the broker has it: there is no reply.

        It stays in its queue until a worker carries it out.

        Raises:
            NoReply: The broker did not confirm it within the timeout.
            CallFailed: See `profile_contracts.errors`.
            ValueError: The timeout is out of bounds.

        """
        seconds = timeout_of(options, self._timeout)
        deadline = time.time() + seconds
        body = request.model_dump_json().encode()
        call = Call.of(operation, body, token, options, user=self._user, deadline=None)

        async def publish() -> None:
            async with _answered(operation, deadline - time.time(), seconds):
                channel = await self._connection.channel()
                await channel.publish(operation.queue, call.message(channel.replies.address))

        await self._retried(operation, deadline, publish)

    async def exchange(
        self,
        operation: Operation[Any, Any],
        body: bytes,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> bytes:
        """Send *body* once, as it is, and return the body of the reply as it came.

        Raises:
            NoReply, Unroutable, NotSent, Disconnected
            ValueError: The timeout is out of bounds.

        """
        seconds = timeout_of(options, self._timeout)
        deadline = time.time() + seconds
        call = Call.of(operation, body, token, options, user=self._user, deadline=deadline)
        return await self._ask(call, seconds)

    def events(
        self,
        *keys: str,
        queue: str | None = None,
        on_gap: OnGap | None = None,
        remember: int = REMEMBERED,
    ) -> EventSubscriber:
        """Return events with these routing keys, for `async for`, over a connection of their own.

        See `EventSubscriber`.

        Raises:
            NotSent: The client is closed.

        """
        if self._connection.is_closed:
            raise NotSent("The client is closed.")
        subscriber = EventSubscriber(
            [each.update_query(name=f"{self._name}-events") for each in self._urls],
            keys,
            queue=queue,
            connect_timeout=self._connect_timeout,
            remember=remember,
            on_gap=on_gap,
        )
        self._subscribers.add(subscriber)
        return subscriber

    async def _ask(self, call: Call, seconds: float) -> bytes:
        async with _answered(call.operation, call.seconds_left(), seconds):
            channel = await self._connection.channel()
            return await channel.ask(call.operation.queue, call.message(channel.replies.address))

    async def _retried(
        self, operation: Operation[Any, Any], deadline: float, attempt: Callable[[], Awaitable[ResultT]]
    ) -> ResultT:
        """Return what *attempt* returns, trying again where that is safe and there is time for it.

        An attempt that was not sent says nothing about those before it; nor does a logout that finds its own
        session ended.
        """
        is_known, tries = True, 0
        while True:
            tries += 1
            try:
                return await attempt()
            except CallFailed as failure:
                again = self._retry and not self._connection.is_closed
                pause = pause_before_retry(operation, failure, tries) if again else None
                if pause is None or time.time() + pause >= deadline:
                    if is_known or not says_nothing_of_earlier(operation, failure):
                        raise
                    message = f"An earlier attempt at {operation.queue} may have arrived."
                    raise Disconnected(message, sent=True) from failure
                is_known = is_known and not may_have_arrived(failure)
            await self._connection.pause(pause)


def _with_connection_name(address: str, name: str) -> URL:
    try:
        url = URL(address)
    except ValueError:  # its text quotes the address, with the password in it
        url = URL()
    if url.scheme not in _SCHEMES or not url.host:
        raise ValueError("The address of a broker begins with amqp:// or amqps://, and names a host.")
    return url.with_query({"heartbeat": str(_HEARTBEAT_SECONDS), **url.query, "name": name})


def _only_user(urls: Sequence[URL]) -> str | None:
    """Return the user in *urls*: requests name it, whichever node they go to."""
    users = {each.user for each in urls}
    if len(users) != 1:
        raise ValueError("Give at least one address, and all of one user.")
    return users.pop()


def _shuffled(urls: Sequence[URL]) -> list[URL]:
    """Return *urls* in any order, so that clients spread over the nodes."""
    return random.sample(urls, len(urls))


@asynccontextmanager
async def _answered(operation: Operation[Any, Any], left: float, seconds: float) -> AsyncIterator[None]:
    """Give up when the *left* seconds of all the *seconds* are over."""
    try:
        async with asyncio.timeout(left):
            yield
    except TimeoutError:
        raise NoReply(f"No reply from {operation.queue} within {seconds:g} s.") from None
    except PublishError:  # it was returned; its text quotes the request
        raise Unroutable(f"No queue took the request to {operation.queue}.") from None
    except DeliveryError:
        raise Nacked(f"The queue {operation.queue} is full, or has just lost its leader.") from None


def _result(operation: Operation[Any, ResultT], body: bytes) -> ResultT:
    try:
        reply: Success[ResultT] | Failure = _replies(operation).validate_json(body)
    except ValidationError:  # its text would quote the reply
        raise UnreadableReply(f"The reply of {operation.queue} is none of this contract's.") from None
    if isinstance(reply, Failure):
        raise to_exception(reply.error)
    return reply.result


@cache
def _replies(operation: Operation[Any, Any]) -> TypeAdapter[Any]:
    result: Any = Union[operation.results]  # noqa: UP007 - the types are known at run time only
    return TypeAdapter(Success[result] | Failure)
