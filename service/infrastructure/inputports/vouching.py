"""What workers tell each other about a message that one of them sends on, so that nobody else can say it.

RabbitMQ refuses a message whose `user_id` is not the user of its connection (RabbitMQ documentation,
"Validated User-ID"), and it passes on any header. So what is tried again carries its sender and its counts
in headers, with a MAC that only workers can make, over all of them and the message.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.pkg.message_fields import count_header, text_header

_USER: Final = "x-vouched-user"
_MAC: Final = "x-vouched-mac"
_ATTEMPT: Final = "x-attempt"
REPLAYS: Final = "x-replay-count"

# Far more than there are; beyond it, nobody counts.
_MOST: Final = 1_000_000
_MOST_REPLAYS: Final = 1_000
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Journey:
    """What is known for certain about the way of a message to us.

    Attributes:
        sender: The broker user who sent it at first, if that is known.
        attempts: How often it was tried before.
        replays: How often operators have sent it back from a dead-letter queue.

    """

    sender: str | None = None
    attempts: int = 0
    replays: int = 0


def journey_of(message: AbstractIncomingMessage, key: bytes) -> Journey:
    """Return what RabbitMQ, or another worker, vouches for."""
    if found := _vouched(message, key):
        return found
    replays = 0
    # `profilectl` has no key, but the right to write to any queue by its name, which a gateway has not.
    if message.exchange == "":
        replays = count_header(message.headers, REPLAYS, _MOST_REPLAYS).get(REPLAYS, 0)
    return Journey(message.user_id or None, 0, replays)


def sender(message: AbstractIncomingMessage, key: bytes) -> str | None:
    """Return the broker user who sent *message*, as RabbitMQ or another worker vouches."""
    return message.user_id or journey_of(message, key).sender


def vouch(journey: Journey, message_id: str | None, body: bytes, key: bytes) -> dict[str, str | int]:
    """Return headers that tell other workers of the *journey* of a message."""
    said: dict[str, str | int] = {_USER: journey.sender} if journey.sender else {}
    said |= {_ATTEMPT: journey.attempts} if journey.attempts else {}
    said |= {REPLAYS: journey.replays} if journey.replays else {}
    return {**said, _MAC: _mac(journey, message_id, body, key)}


def _vouched(message: AbstractIncomingMessage, key: bytes) -> Journey | None:
    headers = message.headers
    if not (mac := text_header(headers, _MAC, _LONGEST_NAME).get(_MAC)):
        return None
    journey = Journey(
        text_header(headers, _USER, _LONGEST_NAME).get(_USER),
        count_header(headers, _ATTEMPT, _MOST).get(_ATTEMPT, 0),
        count_header(headers, REPLAYS, _MOST_REPLAYS).get(REPLAYS, 0),
    )
    expected = _mac(journey, message.message_id, message.body, key)
    return journey if hmac.compare_digest(mac.encode(), expected.encode()) else None


def _mac(journey: Journey, message_id: str | None, body: bytes, key: bytes) -> str:
    said = json.dumps([journey.sender, journey.attempts, journey.replays, message_id or ""])
    return hashlib.blake2b(said.encode() + body, key=key, person=b"vouching", digest_size=16).hexdigest()
