"""Keys of direct reply-to: what the broker puts in place of `amq.rabbitmq.reply-to`, and what others forge.

RabbitMQ decodes such a key in the process of the channel on which a reply is published: a key that it cannot
decode ends that process, and the connection with it (541, INTERNAL_ERROR; tried on 3.10.8). It holds, in
base64, a process identifier in Erlang's external term format, and after a dot a token, which does no harm.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

PREFIX: Final = "amq.rabbitmq.reply-to."
_KEY: Final = re.compile(r"amq\.rabbitmq\.reply-to\.([A-Za-z0-9+/]+={0,2})\.[A-Za-z0-9+/=_-]+")
# Erlang's external term format: a term; NEW_PID_EXT; a node, which is ATOM_UTF8_EXT or the small one.
_TERM: Final = b"\x83"
_PID: Final = b"\x83X"
_LENGTH_BYTES: Final = {b"v"[0]: 2, b"w"[0]: 1}
# Number, serial and creation, of four bytes each.
_NUMBERS: Final = 12
# What every Erlang can decode for a process of its own node.
_MOST_NUMBER, _MOST_SERIAL = 2**15, 2**13
# A caller has the same key for all its requests.
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class DirectReplyKey:
    """A key that looks like one.

    Attributes:
        process: The part that the broker decodes.
        node: The node of the process, as it stands there; empty if that is not known.

    """

    process: str
    node: bytes

    @classmethod
    @lru_cache(_REMEMBERED)
    def parse(cls, queue: str) -> Self | None:
        """Return the key in *queue*, or `None` if it cannot be one."""
        if not (found := _KEY.fullmatch(queue)):
            return None
        try:
            process = base64.b64decode(found[1], validate=True)
        except binascii.Error:
            return None
        return cls(found[1], _node(process)) if process.startswith(_TERM) else None


def _node(process: bytes) -> bytes:
    """Return the node in *process*, if whoever knows that node can decode all the rest."""
    head = len(_PID)
    if not process.startswith(_PID) or len(process) <= head:
        return b""
    size = _LENGTH_BYTES.get(process[head], 0)
    start = head + 1 + size
    end = start + int.from_bytes(process[head + 1 : start], "big")
    if not size or len(process) != end + _NUMBERS:
        return b""
    number = int.from_bytes(process[end : end + 4], "big")
    serial = int.from_bytes(process[end + 4 : end + 8], "big")
    return process[:end] if number < _MOST_NUMBER and serial < _MOST_SERIAL else b""
