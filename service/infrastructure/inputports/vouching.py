"""Who sent a message that this service sends on: RabbitMQ vouches for the sender of the first one only.

The broker refuses a message whose `user_id` is not the user of its connection (RabbitMQ documentation,
"Validated User-ID"). So what is tried again carries the name in a header, with a MAC that only workers
can make, over the name and the message.
"""

import hashlib
import hmac
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

_USER: Final = "x-vouched-user"
_MAC: Final = "x-vouched-mac"


def vouch(message: AbstractIncomingMessage, key: bytes) -> dict[str, str]:
    """Return headers that say who sent *message*, if that is known."""
    user = sender(message, key)
    return {_USER: user, _MAC: _mac(message, user, key)} if user else {}


def sender(message: AbstractIncomingMessage, key: bytes) -> str | None:
    """Return the broker user who sent *message*, as RabbitMQ or another worker vouches."""
    if message.user_id:
        return message.user_id
    user, mac = message.headers.get(_USER), message.headers.get(_MAC)
    if not isinstance(user, str) or not isinstance(mac, str):
        return None
    is_ours = hmac.compare_digest(mac.encode(errors="replace"), _mac(message, user, key).encode())
    return user if is_ours else None


def _mac(message: AbstractIncomingMessage, user: str, key: bytes) -> str:
    said = "\0".join((user, message.message_id or "", "")).encode(errors="replace")
    return hashlib.blake2b(said + message.body, key=key, person=b"vouching", digest_size=16).hexdigest()
