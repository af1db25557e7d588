"""One call: what may be said about it, and the message that is made of it."""

import re
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Self, TypedDict
from uuid import uuid4

from aio_pika import DeliveryMode, Message

from profile_contracts.client.channel import DIRECT_REPLY_TO
from profile_contracts.errors import NotSent
from profile_contracts.fields import MAX_BODY_BYTES
from profile_contracts.operations import Kind, Operation

# A day. Whoever would wait longer wants no reply.
MAX_TIMEOUT: Final = 86_400.0
# RFC 6750, 2.1. The broker closes the connection, with all its calls, on a header larger than a frame.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,8192}=*")
# AMQP's short strings hold 255 bytes.
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_USER_AGENT: Final = re.compile(r"[\x20-\x7e]{1,256}")
# W3C Trace Context, 3.2.
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class CallOptions(TypedDict, total=False):
    """What may be said about one call, beside the request and the access token.

    Attributes:
        timeout: How long to wait for the result, retries included, in seconds, at most a day.
        idempotency_key: What makes a command that is sent again the same command: up to 255 printable
            ASCII characters without blanks, new for each command. Without one the client makes one,
            and keeps it over its own retries. Keep it yourself if you may have to ask again later.
        client_ip: The address that the human asks from, if the service trusts you. Wrong passwords are
            counted for it.
        user_agent: With a login: what the human's program calls itself, up to 256 printable ASCII characters,
            if the service trusts you. `auth.sessions` tells it.
        traceparent: The trace that the call belongs to (W3C Trace Context).

    """

    timeout: float
    idempotency_key: str
    client_ip: str
    user_agent: str
    traceparent: str


def require_timeout(seconds: float) -> float:
    """Return *seconds*, if that is a time that a call may take; raise `ValueError` otherwise."""
    if not 0 < seconds <= MAX_TIMEOUT:
        message = f"timeout must be above 0 and at most {MAX_TIMEOUT:.0f} seconds"
        raise ValueError(message)
    return seconds


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be sent several times, under one key and up to one deadline.

    Attributes:
        deadline: When the caller gives up, in seconds since 1970; None if it is fire-and-forget.
        user: The broker user that sends it: RabbitMQ validates it, so that the service knows who asks.

    """

    operation: Operation[Any, Any]
    body: bytes = field(repr=False)
    headers: dict[str, Any] = field(repr=False)
    key: str
    user: str | None
    deadline: float | None

    @classmethod
    def of(
        cls,
        operation: Operation[Any, Any],
        body: bytes,
        token: str | None,
        options: CallOptions,
        *,
        user: str | None,
        deadline: float | None,
    ) -> Self:
        """Return the call, or raise `NotSent` if it can't be sent like that."""
        if len(body) > MAX_BODY_BYTES:
            message = f"The request to {operation.queue} is larger than {MAX_BODY_BYTES} bytes."
            raise NotSent(message)
        key = options.get("idempotency_key", uuid4().hex)
        if not _KEY.fullmatch(key):
            raise NotSent("The idempotency key is not 1 to 255 printable ASCII characters without blanks.")
        return cls(operation, body, _headers(token, options), key, user, deadline)

    def message(self) -> Message:
        """Return it as it is sent now; each time it says how much of its time is left."""
        command = self.operation.kind is Kind.COMMAND
        return Message(
            self.body,
            headers={**self.headers, **self._deadline_header()},
            content_type="application/json",
            reply_to=DIRECT_REPLY_TO if self.deadline else None,
            correlation_id=uuid4().hex,
            message_id=self.key,
            type=self.operation.queue,
            expiration=self.seconds_left() if self.deadline else None,
            user_id=self.user,
            delivery_mode=DeliveryMode.PERSISTENT if command else DeliveryMode.NOT_PERSISTENT,
        )

    def seconds_left(self) -> float:
        """Return how long the caller still waits; 0 if it does not."""
        return max(0.0, self.deadline - time.time()) if self.deadline else 0.0

    def _deadline_header(self) -> dict[str, int]:
        return {"x-deadline": int(self.deadline * 1000)} if self.deadline else {}


def _headers(token: str | None, options: CallOptions) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if token:
        if not _TOKEN.fullmatch(token):
            raise NotSent("What was given as an access token is none.")
        headers["authorization"] = f"Bearer {token}"
    if client_ip := options.get("client_ip"):
        try:
            headers["x-client-ip"] = str(ip_address(client_ip))
        except ValueError:
            raise NotSent("What was given as client_ip is no IP address.") from None
    if user_agent := options.get("user_agent"):
        if not _USER_AGENT.fullmatch(user_agent):
            raise NotSent("What was given as user_agent is not 1 to 256 printable ASCII characters.")
        headers["x-user-agent"] = user_agent
    if traceparent := options.get("traceparent"):
        if not _TRACEPARENT.fullmatch(traceparent):
            raise NotSent("What was given as traceparent is none.")
        headers["traceparent"] = traceparent
    return headers
