"""Requests and their replies over RabbitMQ: what the typed client stands on.

Replies come by RabbitMQ's direct reply-to, so the broker user needs no right but to write to the
exchange `profile.commands`.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Union
from uuid import uuid4

from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from pydantic import TypeAdapter
from yarl import URL

from profile_contracts.errors import Disconnected, NoReply, Unroutable, refusal
from profile_contracts.fields import Request
from profile_contracts.operations import Kind, Operation
from profile_contracts.replies import Failure, Success

Asked = TypeVar("Asked", bound=Request)
Answered = TypeVar("Answered")

# A line that has been silent for three times that and three seconds more is taken for broken.
_HEARTBEAT_SECONDS: Final = 5
# To say goodbye to a broker that may not answer.
_CLOSE_SECONDS: Final = 2.0
_COMMANDS: Final = "profile.commands"
_DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"


class RpcClient:
    """Carries requests to the service and replies back. `async with` connects and disconnects.

    Args:
        url: The broker, with user and virtual host.
        timeout: How long a call waits for its reply, in seconds. The service is told, and does no
            work that nobody waits for.
        name: What the console calls the connection.

    """

    def __init__(self, url: str, *, timeout: float = 5.0, name: str = "profile-client") -> None:
        self._url = URL(url).update_query(name=name, heartbeat=_HEARTBEAT_SECONDS)
        self._timeout = timeout
        self._connecting = asyncio.Lock()
        self._line: _Line | None = None

    async def __aenter__(self) -> Self:
        """Connect, within the time of a call.

        Raises:
            Disconnected: The broker does not answer.

        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._connected()
        except TimeoutError:
            raise Disconnected from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        if self._line:
            await _closed(self._line.connection)

    async def call(
        self, operation: Operation[Asked, Answered], request: Asked, token: str | None = None
    ) -> Answered:
        """Ask for *operation* and return its result."""
        body = await self.exchange(operation, request.model_dump_json().encode(), token)
        answer: Success[Answered] | Failure = _replies(operation).validate_json(body)
        if isinstance(answer, Failure):
            raise refusal(answer.error)
        return answer.result

    async def exchange(self, operation: Operation[Any, Any], body: bytes, token: str | None = None) -> bytes:
        """Send *body* as it is, and return the body of the reply as it came.

        Raises:
            NoReply, Unroutable, Disconnected

        """
        message = self._message(operation, body, token)
        try:
            async with asyncio.timeout(self._timeout):
                line = await self._connected()
                reply = await line.ask(operation.queue, message)
        except TimeoutError:
            raise NoReply(f"No reply from {operation.queue} within {self._timeout} s.") from None
        except DeliveryError:  # its text quotes the request
            raise Unroutable(f"No queue took the request to {operation.queue}.") from None
        except (AMQPError, ChannelInvalidStateError, ConnectionError) as error:
            raise Disconnected from error
        if reply is None:
            raise Disconnected
        return reply

    async def _connected(self) -> "_Line":
        """Return a line that is up, connecting again if the last one broke."""
        async with self._connecting:
            if self._line is None or self._line.channel.is_closed:
                if self._line:
                    await _closed(self._line.connection)
                self._line = await _Line.to(self._url)
            return self._line

    def _message(self, operation: Operation[Any, Any], body: bytes, token: str | None) -> Message:
        headers: dict[str, Any] = {"x-deadline": int((time.time() + self._timeout) * 1000)}
        if token:
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
        # Not a robust connection: it would come back without the consumer of direct replies.
        connection = await connect(url)
        try:
            # Confirms, because without them aiormq drops what comes back, and logs it, passwords included.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            line = cls(connection, channel, await channel.get_exchange(_COMMANDS, ensure=False))
            channel.close_callbacks.add(line.give_up)
            replies = await channel.get_queue(_DIRECT_REPLY_TO, ensure=False)
            await replies.consume(line.answer, no_ack=True)
        except BaseException:  # a cancellation, too, must leave no connection open
            await _closed(connection)
            raise
        return line

    async def ask(self, queue: str, message: Message) -> bytes | None:
        """Return the body of the reply, or None if the line breaks before it comes."""
        key = message.correlation_id or ""
        reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.waiting[key] = reply
        try:
            await self.exchange.publish(message, queue)
            return await reply
        finally:
            del self.waiting[key]

    async def answer(self, reply: AbstractIncomingMessage) -> None:
        self._settle(self.waiting.get(reply.correlation_id or ""), reply.body)

    def give_up(self, *_: object) -> None:
        for each in self.waiting.values():
            self._settle(each, None)

    @staticmethod
    def _settle(waiting: asyncio.Future[bytes | None] | None, body: bytes | None) -> None:
        if waiting and not waiting.done():
            waiting.set_result(body)


async def _closed(connection: AbstractConnection) -> None:
    """Close *connection*; a broker that does not answer is not waited for."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()


@cache
def _replies(operation: Operation[Any, Any]) -> TypeAdapter[Any]:
    result: Any = Union[operation.results]  # noqa: UP007 - the types are known at run time only
    return TypeAdapter(Success[result] | Failure)
