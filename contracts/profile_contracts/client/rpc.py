"""Requests and their replies over RabbitMQ: what the typed client stands on.

Replies come by RabbitMQ's direct reply-to, so the broker user needs no right but to write to the
exchange `profile.commands`.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Union
from uuid import uuid4

from aio_pika import Connection, DeliveryMode, Message
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from profile_contracts.errors import Disconnected, NoReply, NotSent, UnreadableReply, Unroutable, refusal
from profile_contracts.fields import MAX_BODY_BYTES, Request
from profile_contracts.operations import Kind, Operation
from profile_contracts.replies import Failure, Success

Asked = TypeVar("Asked", bound=Request)
Answered = TypeVar("Answered")

_COMMANDS: Final = "profile.commands"
_DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"

# A day. Whoever would wait longer wants no reply.
MAX_TIMEOUT: Final = 86_400.0
_CONNECT_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0
# aiormq gives a line up after three of these, and a second each.
_HEARTBEAT_SECONDS: Final = 5
# RFC 6750, 2.1. The broker closes the connection, with all its calls, on a header larger than a frame.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,8192}=*")


class RpcClient:
    """Carries requests to the service and replies back. `async with` connects and disconnects.

    A lost connection is made again by the next call. A closed client stays closed.

    Args:
        url: The broker, with user and virtual host.
        timeout: How long a call waits for its reply, in seconds, at most a day. The service is told,
            and does no work that nobody waits for.
        name: What the console calls the connection.

    Raises:
        ValueError: *timeout* is out of bounds.

    """

    def __init__(self, url: str, *, timeout: float = 5.0, name: str = "profile-client") -> None:
        if not 0 < timeout <= MAX_TIMEOUT:
            message = f"timeout must be above 0 and at most {MAX_TIMEOUT:.0f} seconds"
            raise ValueError(message)
        given = URL(url)
        self._url = given.with_query({"heartbeat": str(_HEARTBEAT_SECONDS), **given.query, "name": name})
        self._timeout = timeout
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Disconnected: The broker isn't there, or lets nobody in, or says nothing.

        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._connected()
        except TimeoutError:
            await self._close()
            raise _silent(self._timeout) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect, within two seconds; calls in flight are `Disconnected`."""
        await self._close()

    async def call(
        self, operation: Operation[Asked, Answered], request: Asked, token: str | None = None
    ) -> Answered:
        """Ask for *operation* and return its result.

        Raises:
            CallFailed

        """
        body = await self.exchange(operation, request.model_dump_json().encode(), token)
        try:
            answer: Success[Answered] | Failure = _replies(operation).validate_json(body)
        except ValidationError:  # its text would quote the reply
            message = f"The reply of {operation.queue} is none of this contract's."
            raise UnreadableReply(message) from None
        if isinstance(answer, Failure):
            raise refusal(answer.error)
        return answer.result

    async def exchange(self, operation: Operation[Any, Any], body: bytes, token: str | None = None) -> bytes:
        """Send *body* as it is, and return the body of the reply as it came.

        Raises:
            NoReply, Unroutable, NotSent, Disconnected

        """
        message = self._message(operation, body, token)
        try:
            async with asyncio.timeout(self._timeout):
                line = await self._connected()
                return await line.ask(operation.queue, message)
        except TimeoutError:
            raise NoReply(f"No reply from {operation.queue} within {self._timeout} s.") from None
        except DeliveryError:  # its text quotes the request
            raise Unroutable(f"No queue took the request to {operation.queue}.") from None

    async def _connected(self) -> "_Line":
        """Return a line that is up, connecting again if the last one broke.

        All calls share one attempt, and none of them ends it by giving up.
        """
        if self._closed:
            raise NotSent("The client is closed.")
        if self._line and self._line.is_up:
            return self._line
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_heard)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> "_Line":
        if self._line:
            await self._line.close()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                with _lost(sent=False):
                    self._line = await _Line.to(self._url)
        except TimeoutError:
            raise _silent(_CONNECT_SECONDS) from None
        return self._line

    async def _close(self) -> None:
        self._closed = True
        if self._connecting and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait([self._connecting], timeout=_CLOSE_SECONDS)
        if self._line:
            await self._line.close()

    def _message(self, operation: Operation[Any, Any], body: bytes, token: str | None) -> Message:
        if len(body) > MAX_BODY_BYTES:
            message = f"The request to {operation.queue} is larger than {MAX_BODY_BYTES} bytes."
            raise NotSent(message)
        headers: dict[str, Any] = {"x-deadline": int((time.time() + self._timeout) * 1000)}
        if token:
            if not _TOKEN.fullmatch(token):
                raise NotSent("What was given as an access token is none.")
            headers["authorization"] = f"Bearer {token}"
        durable = operation.kind is Kind.COMMAND
        return Message(
            body,
            headers=headers,
            content_type="application/json",
            reply_to=_DIRECT_REPLY_TO,
            correlation_id=uuid4().hex,
            message_id=uuid4().hex,
            type=operation.queue,
            expiration=self._timeout,
            # RabbitMQ vouches for it, so that the service knows which service asks.
            user_id=self._url.user,
            delivery_mode=DeliveryMode.PERSISTENT if durable else DeliveryMode.NOT_PERSISTENT,
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection, and who waits for a reply on it: direct replies do not outlive their channel."""

    connection: AbstractConnection
    channel: AbstractChannel
    exchange: AbstractExchange
    waiting: dict[str, asyncio.Future[bytes | None]] = field(default_factory=dict)

    @classmethod
    async def to(cls, url: URL) -> Self:
        # Not a robust connection: it would come back without the consumer of direct replies. And not
        # aio_pika.connect: that leaves a connection that failed to be closed by its finalizer.
        connection = Connection(url)
        try:
            await connection.connect()
            # Confirms, because without them aiormq drops what comes back, and logs it, passwords included.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            line = cls(connection, channel, await channel.get_exchange(_COMMANDS, ensure=False))
            channel.close_callbacks.add(line.give_up)
            replies = await channel.get_queue(_DIRECT_REPLY_TO, ensure=False)
            await replies.consume(line.answer, no_ack=True)
        except BaseException:  # a cancellation, too, must leave no connection open
            await _close_in_time(connection)
            raise
        return line

    @property
    def is_up(self) -> bool:
        return not self.channel.is_closed

    async def ask(self, queue: str, message: Message) -> bytes:
        """Return the body of the reply; raise `Disconnected` if the line breaks before it comes."""
        key = message.correlation_id or ""
        reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.waiting[key] = reply
        try:
            with _lost(sent=True):
                await self.exchange.publish(message, queue)
                body = await reply
        finally:
            del self.waiting[key]
        if body is None:
            raise Disconnected("The connection broke before the reply came.", sent=True)
        return body

    async def answer(self, reply: AbstractIncomingMessage) -> None:
        self._settle(self.waiting.get(reply.correlation_id or ""), reply.body)

    def give_up(self, *_: object) -> None:
        for each in self.waiting.values():
            self._settle(each, None)

    async def close(self) -> None:
        self.give_up()
        await _close_in_time(self.connection)

    @staticmethod
    def _settle(waiting: asyncio.Future[bytes | None] | None, body: bytes | None) -> None:
        if waiting and not waiting.done():
            waiting.set_result(body)


@contextmanager
def _lost(*, sent: bool) -> Iterator[None]:
    """Raise `Disconnected` for all the ways in which aiormq tells that the connection is gone.

    One of them is to cancel whoever waits for an answer of the broker.
    """
    try:
        yield
    except DeliveryError:
        raise
    except (AMQPError, ChannelInvalidStateError, OSError) as error:
        message = f"The connection to the broker is lost: {type(error).__name__}."
        raise Disconnected(message, sent=sent) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise Disconnected("The connection to the broker is lost.", sent=sent) from None


async def _close_in_time(connection: AbstractConnection) -> None:
    with suppress(AMQPError, ChannelInvalidStateError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()


def _silent(seconds: float) -> Disconnected:
    return Disconnected(f"The broker did not let us in within {seconds:g} s.", sent=False)


def _heard(attempt: asyncio.Task[_Line]) -> None:
    """Look at how *attempt* ended, for callers who no longer wait for it: asyncio would complain."""
    if not attempt.cancelled():
        attempt.exception()


@cache
def _replies(operation: Operation[Any, Any]) -> TypeAdapter[Any]:
    result: Any = Union[operation.results]  # noqa: UP007 - the types are known at run time only
    return TypeAdapter(Success[result] | Failure)
