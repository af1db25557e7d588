"""A typed client for gateways and other services: `pip install profile-service[client]`.

Many calls may be in flight at once over one connection. Replies come by RabbitMQ's direct reply-to,
so the broker user needs no right but to write to the exchange `profile.commands`.
"""

import asyncio
import time
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Union
from uuid import uuid4

from aio_pika import DeliveryMode, Message, connect_robust
from aio_pika.abc import (
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractRobustChannel,
    AbstractRobustConnection,
)
from aio_pika.exceptions import AMQPError
from pydantic import TypeAdapter
from yarl import URL

from contracts.auth import JsonWebKeySet, ListKeys, LogIn, Tokens
from contracts.failures import Disconnected, NoReply, Unroutable, refusal
from contracts.fields import Request
from contracts.operations import (
    AUTH_KEYS,
    AUTH_LOGIN,
    PROFILE_CREATE,
    PROFILE_DELETE,
    PROFILE_GET,
    PROFILE_UPDATE,
    Kind,
    Operation,
)
from contracts.profiles import (
    CreateProfile,
    DeletedProfile,
    DeleteProfile,
    GetProfile,
    Profile,
    PublicProfile,
    UpdateProfile,
)
from contracts.replies import Failure, Success

Asked = TypeVar("Asked", bound=Request)
Answered = TypeVar("Answered")

_COMMANDS: Final = "profile.commands"
_DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"


class ProfileClient:
    """Asks the profile service. `async with` connects and disconnects.

    Every method takes the access token of the user on whose behalf it asks, if there is one, and
    may raise any `contracts.failures.CallFailed`.

    Args:
        url: The broker, with user and virtual host.
        timeout: How long a call waits for its reply, in seconds. The service is told, and does no
            work that nobody waits for.
        name: What the console calls the connection.

    """

    def __init__(self, url: str, *, timeout: float = 5.0, name: str = "profile-client") -> None:
        self._url = URL(url).update_query(name=name)
        self._timeout = timeout
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._connection: AbstractRobustConnection
        self._channel: AbstractRobustChannel
        self._exchange: AbstractExchange

    async def __aenter__(self) -> Self:
        """Connect."""
        self._connection = await connect_robust(self._url, reconnect_interval=1)
        self._connection.close_callbacks.add(self._fail_all)
        # No confirms: the reply is one. Unroutable requests come back all the same.
        self._channel = await self._connection.channel(publisher_confirms=False)
        self._channel.return_callbacks.add(self._come_back)
        replies = await self._channel.get_queue(_DIRECT_REPLY_TO, ensure=False)
        await replies.consume(self._answer, no_ack=True)
        self._exchange = await self._channel.get_exchange(_COMMANDS, ensure=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._connection.close()

    async def create_profile(self, request: CreateProfile, token: str | None = None) -> Profile:
        """Sign a user up."""
        return await self.call(PROFILE_CREATE, request, token)

    async def get_profile(self, request: GetProfile, token: str | None = None) -> Profile | PublicProfile:
        """Read a profile, or the public view of it, whichever the user may see."""
        return await self.call(PROFILE_GET, request, token)

    async def update_profile(self, request: UpdateProfile, token: str | None = None) -> Profile:
        """Change some fields of a profile."""
        return await self.call(PROFILE_UPDATE, request, token)

    async def delete_profile(self, request: DeleteProfile, token: str | None = None) -> DeletedProfile:
        """Delete a profile."""
        return await self.call(PROFILE_DELETE, request, token)

    async def log_in(self, request: LogIn) -> Tokens:
        """Exchange an e-mail address and a password for tokens."""
        return await self.call(AUTH_LOGIN, request)

    async def keys(self) -> JsonWebKeySet:
        """Return the public keys that access tokens are verified with."""
        return await self.call(AUTH_KEYS, ListKeys())

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
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[message.correlation_id or ""] = reply
        try:
            async with asyncio.timeout(self._timeout):
                await self._exchange.publish(message, operation.queue)
                return await reply
        except TimeoutError:
            raise NoReply(f"No reply from {operation.queue} within {self._timeout} s.") from None
        except (AMQPError, ConnectionError) as error:
            raise Disconnected from error
        finally:
            del self._waiting[message.correlation_id or ""]

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

    async def _answer(self, reply: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(reply.correlation_id or "")
        if waiting and not waiting.done():
            waiting.set_result(reply.body)

    def _come_back(self, _: Any, returned: AbstractIncomingMessage) -> None:  # noqa: ANN401 - the channel
        waiting = self._waiting.get(returned.correlation_id or "")
        if waiting and not waiting.done():
            waiting.set_exception(Unroutable(returned.routing_key))

    def _fail_all(self, *_: object) -> None:
        """Direct replies do not outlive their channel: nobody needs to wait for them any more."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Disconnected())


@cache
def _replies(operation: Operation[Any, Any]) -> TypeAdapter[Any]:
    result: Any = Union[operation.results]  # noqa: UP007 - the types are known at run time only
    return TypeAdapter(Success[result] | Failure)
