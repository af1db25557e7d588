"""Who asks: the human by a bearer token, the calling service by what the broker has validated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.app.auth.actors import Actor, Anonymous, TokenExpired, TokenInvalid, TrustedService, User
from service.app.auth.permissions import SecondFactorNeeded
from service.app.auth.sessions import Sessions
from service.app.auth.tokens import AccessTokens
from service.app.request_context import RequestContext
from service.domain.errors import Unauthenticated
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.route import Route
from service.infrastructure.inputports.amqp.sender_signature import verified_history, verified_sender
from service.infrastructure.rabbitmq.headers import MAX_ADDRESS, MAX_AUTHORIZATION
from service.pkg.key_source import KeySource
from service.pkg.message_fields import text_header

MAX_USER_AGENT: Final = 256
_SCHEME: Final = "bearer"
_IPV6: Final = 6


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Finds out who asks. The use case decides who may; only for want of a second factor it is refused here.

    Reads the property `user_id`, which names the service: RabbitMQ refuses a message whose `user_id` is not
    the user of its connection (RabbitMQ documentation, "Validated User-ID"). The header `authorization` names
    the human: `Bearer <token>` (RFC 6750, 2.1). The headers `x-client-ip` and `x-user-agent` are believed if
    a trusted service sends them. An invalid token means anonymous, and is answered where somebody is needed.

    Attributes:
        tokens: What verifies access tokens.
        sessions: What tells whether their sessions are alive.
        trusted_services: The operations that a broker user may call on its own account.
        keys: The secrets by which workers sign for senders.
        arrivals: What tells when a message first came.

    """

    tokens: AccessTokens
    sessions: Sessions
    trusted_services: Mapping[str, frozenset[str]]
    keys: KeySource
    arrivals: Arrivals

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Note who asks; go on.

        Raises:
            SecondFactorNeeded: Until there is one, nothing else can be done than to enroll it.

        """
        context.caller = await self.authenticate(context.message, context.route)
        actor = context.caller.actor
        if isinstance(actor, User) and actor.lacks_code and context.route.needs_second_factor:
            raise SecondFactorNeeded
        await call_next(context)

    async def authenticate(self, message: AbstractIncomingMessage, route: Route) -> RequestContext:
        """Return who sent *message* to *route*.

        Raises:
            Unavailable: It is not known whether the session is alive.

        """
        service = verified_sender(message, self.keys)
        return RequestContext(
            actor=await self._actor(message, route, service),
            service=service,
            client_network=self._client_ip(message, service),
            user_agent=self._user_agent(message, service),
            is_redelivered=bool(message.redelivered),
        )

    async def _actor(self, message: AbstractIncomingMessage, route: Route, service: str | None) -> Actor:
        """Where a token is present, the human's rights decide, even if they are none.

        A service must not gain by sending an invalid token.
        """
        if not route.reads_token:
            return Anonymous()
        if message.headers.get("authorization") is not None:
            authorization = text_header(message.headers, "authorization", MAX_AUTHORIZATION)
            return await self._authenticate_user(message, route, authorization.get("authorization", ""))
        allowed = self.trusted_services.get(service or "", frozenset())
        return TrustedService(str(service)) if route.queue in allowed else Anonymous()

    async def _authenticate_user(
        self, message: AbstractIncomingMessage, route: Route, authorization: str
    ) -> Actor:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != _SCHEME:
            return Anonymous(auth_error=TokenInvalid())
        user = None
        try:
            user = self._verified(message, route, token.strip())
            await self.sessions.check(user)
        except Unauthenticated as error:
            return Anonymous(error, former_user=user)
        return replace(user, lacks_code=True) if await self.sessions.lacks_code(user) else user

    def _verified(self, message: AbstractIncomingMessage, route: Route, token: str) -> User:
        """Return whom *token* names.

        A fire-and-forget command may wait in a queue for longer than a token lives: the end of its token is
        judged as of when it came. Its session is still judged as of now.
        """
        try:
            return self.tokens.verify(token).user
        except TokenExpired:
            if message.reply_to or not route.is_retryable:
                raise
        history = verified_history(message, self.keys())
        return self.tokens.verify(token, self.arrivals.first(message, history)).user

    def _user_agent(self, message: AbstractIncomingMessage, service: str | None) -> str | None:
        if service not in self.trusted_services or "x-user-agent" not in message.headers:
            return None
        said = text_header(message.headers, "x-user-agent", MAX_USER_AGENT).get("x-user-agent", "")
        return said if said and said.isascii() and said.isprintable() else None

    def _client_ip(self, message: AbstractIncomingMessage, service: str | None) -> str | None:
        """Return the network that the human is in; of IPv6 the first 64 bits, which one host may use up."""
        if service not in self.trusted_services:
            return None
        try:
            said = text_header(message.headers, "x-client-ip", MAX_ADDRESS)
            address = ip_address(said.get("x-client-ip", ""))
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            # `::ffff:192.0.2.1` is one host of IPv4, and not one of a network of them all.
            address = address.ipv4_mapped or IPv6Address(int(address))
        return str(ip_network((address, 64 if address.version == _IPV6 else 32), strict=False))
