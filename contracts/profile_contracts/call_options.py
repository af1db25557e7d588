"""What may be said about one call, beside the request: for the client, and for its fake."""

import re
from ipaddress import ip_address
from typing import Any, Final, TypedDict
from uuid import uuid4

from profile_contracts.errors import NotSent
from profile_contracts.fields import Request

# In seconds, retries included.
DEFAULT_TIMEOUT: Final = 5.0
# A day. Whoever would wait longer wants no reply.
MAX_TIMEOUT: Final = 86_400.0
# The service hashes a password for a fifth of a second and more, and others before. A try that ends sooner
# never succeeds, however often it is sent again: each is hashed anew.
MIN_TIMEOUT_WITH_PASSWORD: Final = 1.0
_PASSWORDS: Final = frozenset({"password", "current_password", "new_password"})
# RFC 6750, 2.1. The broker closes the connection, with all its calls, on a header larger than a frame.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,8192}={0,2}")
# AMQP's short strings hold 255 bytes.
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
# As much as the service reads. A zone, behind the `%` of an IPv6 address, has no length (RFC 4007, 11).
_ADDRESS: Final = re.compile(r"[\x21-\x7e]{1,64}")
_USER_AGENT: Final = re.compile(r"[\x20-\x7e]{1,256}")
# W3C Trace Context, 3.2.
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class CallOptions(TypedDict, total=False):
    """What may be said about one call, beside the request and the access token. None is as good as nothing.

    Attributes:
        timeout: How long to wait for the result, retries included, in seconds, at most a day; at least one
            second if the request holds a password, because hashing takes its time.
        idempotency_key: What makes a command that is sent again the same command: up to 255 printable
            ASCII characters without blanks, new for each command. Without one the client makes one,
            and keeps it over its own retries. Keep it yourself if you may have to ask again later.
        client_ip: The address that the human asks from, if the service trusts you. Wrong passwords are
            counted for it.
        user_agent: With a login: what the human's program calls itself, up to 256 printable ASCII
            characters, if the service trusts you. `auth.sessions` tells it.
        traceparent: The trace that the call belongs to (W3C Trace Context).

    """

    timeout: float | None
    idempotency_key: str | None
    client_ip: str | None
    user_agent: str | None
    traceparent: str | None


def require_timeout(seconds: float, request: Request | None = None) -> float:
    """Return *seconds*, if a call with *request* may take that long; raise `ValueError` otherwise."""
    if not 0 < seconds <= MAX_TIMEOUT:
        message = f"timeout must be above 0 and at most {MAX_TIMEOUT:.0f} seconds"
        raise ValueError(message)
    if request and _PASSWORDS & request.model_fields_set and seconds < MIN_TIMEOUT_WITH_PASSWORD:
        message = f"timeout must be at least {MIN_TIMEOUT_WITH_PASSWORD:g} s: the service hashes a password"
        raise ValueError(message)
    return seconds


def timeout_of(options: CallOptions, otherwise: float, request: Request | None = None) -> float:
    """Return how long a call with *request* may take, in seconds; raise `ValueError` if that is too long."""
    given = options.get("timeout")
    return require_timeout(otherwise if given is None else given, request)


def idempotency_key(options: CallOptions) -> str:
    """Return the key that was given, or else a new one; raise `NotSent` if it can't be sent."""
    key = options.get("idempotency_key")
    if key is None:
        return uuid4().hex
    if not _KEY.fullmatch(key):
        raise NotSent("The idempotency key is not 1 to 255 printable ASCII characters without blanks.")
    return key


def headers(token: str | None, options: CallOptions) -> dict[str, Any]:
    """Return the headers of a request, or raise `NotSent` if one of them can't be sent.

    Only without a *token* a gateway asks on its own account: an empty one is refused.
    """
    named: dict[str, Any] = {}
    if token is not None:
        if not _TOKEN.fullmatch(token):
            raise NotSent("What was given as an access token is none.")
        named["authorization"] = f"Bearer {token}"
    if client_ip := options.get("client_ip"):
        named["x-client-ip"] = _address(client_ip)
    if user_agent := options.get("user_agent"):
        if not _USER_AGENT.fullmatch(user_agent):
            raise NotSent("What was given as user_agent is not 256 printable ASCII characters at most.")
        named["x-user-agent"] = user_agent
    if traceparent := options.get("traceparent"):
        if not _TRACEPARENT.fullmatch(traceparent):
            raise NotSent("What was given as traceparent is none.")
        named["traceparent"] = traceparent
    return named


def _address(text: str) -> str:
    """Return the IP address in *text*, or raise `NotSent`."""
    try:
        return str(ip_address(text if _ADDRESS.fullmatch(text) else ""))
    except ValueError:
        raise NotSent("What was given as client_ip is no IP address.") from None
