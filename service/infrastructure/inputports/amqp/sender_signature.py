"""The signature by which workers believe each other who sent a message, and how often it was tried.

RabbitMQ refuses a message whose `user_id` is not the user of its connection (RabbitMQ documentation,
"Validated User-ID"), and it passes on any header. So what is tried again carries its sender and its counts
in headers, with a MAC that only workers can make, over all of them and the message.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.rabbitmq.headers import ARRIVED_AT, ATTEMPT, REPLAY_COUNT
from service.pkg.key_source import KeySource
from service.pkg.message_fields import count_header, text_header

_SENDER: Final = "x-sender"
_MAC: Final = "x-sender-mac"

# Far more than there are; beyond it, nobody counts.
_MOST: Final = 1_000_000
_MOST_REPLAYS: Final = 1_000
_LONGEST_NAME: Final = 255
# In epoch milliseconds: the last one that a `datetime` can hold.
LATEST: Final = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class History:
    """What is known for certain of a message and its way to us.

    Attributes:
        sender: The broker user who sent it at first, if that is known.
        attempts: How often it was tried before.
        replays: How often operators have sent it back from a dead-letter queue.
        arrived_at: When it first came, in epoch milliseconds; 0 if no worker has noted that.

    """

    sender: str | None = None
    attempts: int = 0
    replays: int = 0
    arrived_at: int = 0

    def tried(self) -> Self:
        """Return the history of the same message after one more attempt."""
        return replace(self, attempts=self.attempts + 1)

    def arrived(self, at: datetime) -> Self:
        """Return the history of the same message, which first came *at* that time."""
        return replace(self, arrived_at=int(at.timestamp() * 1000))


def verified_history(message: AbstractIncomingMessage, keys: Sequence[bytes]) -> History:
    """Return what RabbitMQ has validated, or another worker signed."""
    if found := _signed(message, keys):
        return found
    replays = 0
    # `profilectl` has no key, but the right to write to any queue by its name, which a gateway has not.
    if message.exchange == "":
        replays = count_header(message.headers, REPLAY_COUNT, _MOST_REPLAYS).get(REPLAY_COUNT, 0)
    return History(message.user_id or None, 0, replays)


def verified_sender(message: AbstractIncomingMessage, keys: KeySource) -> str | None:
    """Return the broker user who sent *message*, as RabbitMQ has validated or another worker signed."""
    return message.user_id or verified_history(message, keys()).sender


def sign_sender(
    history: History, message_id: str | None, body: bytes, keys: Sequence[bytes]
) -> dict[str, str | int]:
    """Return headers that tell other workers of the *history* of a message; the first of *keys* signs."""
    current, *_ = keys
    said: dict[str, str | int] = {_SENDER: history.sender} if history.sender else {}
    said |= {ATTEMPT: history.attempts} if history.attempts else {}
    said |= {REPLAY_COUNT: history.replays} if history.replays else {}
    said |= {ARRIVED_AT: history.arrived_at} if history.arrived_at else {}
    return {**said, _MAC: _mac(history, message_id, body, current)}


def _signed(message: AbstractIncomingMessage, keys: Sequence[bytes]) -> History | None:
    headers = message.headers
    if not (mac := text_header(headers, _MAC, _LONGEST_NAME).get(_MAC)):
        return None
    history = History(
        text_header(headers, _SENDER, _LONGEST_NAME).get(_SENDER),
        count_header(headers, ATTEMPT, _MOST).get(ATTEMPT, 0),
        count_header(headers, REPLAY_COUNT, _MOST_REPLAYS).get(REPLAY_COUNT, 0),
        count_header(headers, ARRIVED_AT, LATEST).get(ARRIVED_AT, 0),
    )
    expected = (_mac(history, message.message_id, message.body, key) for key in keys)
    return history if any(hmac.compare_digest(mac.encode(), each.encode()) for each in expected) else None


def _mac(history: History, message_id: str | None, body: bytes, key: bytes) -> str:
    arrived = [history.arrived_at] if history.arrived_at else []
    said = json.dumps([history.sender, history.attempts, history.replays, message_id or "", *arrived])
    return hashlib.blake2b(said.encode() + body, key=key, person=b"sender", digest_size=16).hexdigest()
