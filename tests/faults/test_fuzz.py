"""Any headers, properties and bodies, drawn by `SEED`, from a gateway. `make faults` sets `FUZZ` to 10,000.

At the end every queue is empty, every good request beside them was answered, and no connection was closed.
"""

import asyncio
import json
import os
import random
import string
from pathlib import Path
from typing import Any, Final

import aio_pika

from service.infrastructure.rabbitmq.lenient_codec import install_lenient_codec
from service.infrastructure.rabbitmq.topology import RETRIES
from tests.bad_input import FIELDS
from tests.faults.cluster import sandbox_with_short_retries
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import REPLY_TO, Gateway, connected, eventually
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.undecodable import DEEP_TABLE, NotUtf8, writing_anything
from tests.integration.workers import working
from tools.servers import Servers

MESSAGES: Final = int(os.environ.get("FUZZ", "1000"))
SEED: Final = int(os.environ.get("SEED", "1"))
_BATCH: Final = 50
_GOOD: Final = 5
# To empty every queue once nothing more comes. Hashing passwords takes most of it.
_SETTLING: Final = 120.0 + MESSAGES / 20
_HEADERS: Final = (
    "authorization", "x-deadline", "x-client-ip", "traceparent", "CC", "BCC", "x-attempt", "x-replay-count",
    "x-sender", "x-sender-mac", "x-delivery-count", "x-death", "x-replayable", "x-original-queue", "x",
)  # fmt: skip
_ADDRESSES: Final = (
    None, None, REPLY_TO, REPLY_TO, REPLY_TO, "gateway.none", "amq.gen-none", "profile.create", "x|y", "",
    "amq.rabbitmq.reply-to.AAAA.BBBB", "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA5MjMwNjAzNgAAAxAAAAAAaweAgQ==.x",
)  # fmt: skip
_TEXTS: Final = ("", "a", "\0", "é", "a" + "\u0315\u0300" * 200, "\u202e", "🦄" * 20, "x" * 300, "[" * 99)


class Draw:
    """Draws what is sent."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret

    def queue(self) -> str:
        """Return where it goes: mostly to an operation."""
        return "profile.crate" if self._chance.random() < 0.02 else self._chance.choice(OPERATIONS)

    def body(self, queue: str) -> bytes:
        """Return a good body, a spoilt one or none at all. Few hash a password: that takes long."""
        choice = self._chance.random()
        if choice < 0.15 or queue == "profile.crate":
            return self._chance.randbytes(self._chance.randrange(200))
        body: dict[str, Any] = a_request(queue)
        if choice < 0.8 or queue in ("profile.create", "auth.login"):
            field = self._chance.choice([name for operation, name in FIELDS if operation == queue] or ["x"])
            body[field] = self._value()
        text = json.dumps(body, ensure_ascii=self._chance.random() < 0.5).encode(errors="replace")
        return text[: self._chance.randrange(len(text) + 1)] if choice > 0.9 else text

    def properties(self) -> dict[str, Any]:
        """Return properties that a client library lets through, and headers of any kind."""
        names = self._chance.sample(_HEADERS, self._chance.randrange(5))
        return {
            "headers": {name: self._header(name) for name in names},
            "reply_to": self._chance.choice(_ADDRESSES),
            "message_id": self._chance.choice([None, "m", "m" * 255, NotUtf8("caf?")]),
            "correlation_id": self._chance.choice(["c" * 255, NotUtf8("caf?"), "c"]),
            "content_type": self._chance.choice([None, "application/json", "text/plain", NotUtf8("caf?")]),
            "expiration": self._chance.choice([None, None, 0.001, 5, 60]),
            "user_id": self._chance.choice([None, "gateway"]),
            "type": self._chance.choice([None, NotUtf8("caf?")]),
            "delivery_mode": self._chance.choice([1, 2]),
            "priority": self._chance.choice([0, 255]),
        }

    def _header(self, name: str) -> Any:
        if name in ("CC", "BCC"):  # the broker itself refuses any other kind of value
            return self._chance.sample(["profile.get", "profile.followup", "nobody", "é"], 2)
        return self._value()

    def _value(self) -> Any:
        text = self._chance.choice([*_TEXTS, "".join(self._chance.choices(string.printable, k=20))])
        return self._chance.choice(
            [None, True, 0, -1, 2**53, 2**63 - 1, -(2**63), 1.5, text, text, [text], {"a": [text]}]
        )


async def test_whatever_is_sent_leaves_nothing_behind_and_takes_nothing_from_others(
    servers: Servers, tmp_path: Path
) -> None:
    draw = Draw(SEED)
    install_lenient_codec()  # replies echo what was sent
    with sandbox_with_short_retries(servers) as sandbox:
        async with (
            working(sandbox, tmp_path, settings_for(sandbox)) as worker,
            administrating(sandbox) as broker,
            connected(sandbox.gateway_url) as hostile,
            connected(sandbox.gateway_url) as good,
        ):
            sent = 0
            while sent < MESSAGES:
                asking = [asyncio.ensure_future(good.ask("auth.keys", {}, timeout=60)) for _ in range(_GOOD)]
                for _ in range(_BATCH):
                    await _send(hostile, draw)
                sent += _BATCH
                assert all([(await each)["ok"] for each in asking])
            await eventually(lambda: _is_empty(broker), within=_SETTLING)
            log = worker.log.read_text()

            assert not hostile.channel.is_closed
            assert len(hostile.replies) > MESSAGES / 20
    assert log.count('"event": "ready"') == 1
    for sign in ("Reconnecting", "publishing again", "handling failed", "given back", "internal_error"):
        assert sign not in log


async def _send(hostile: Gateway, draw: Draw) -> None:
    queue = draw.queue()
    message = aio_pika.Message(draw.body(queue), **draw.properties())
    if draw.queue() == "profile.crate":
        message.headers["x-deep"] = DEEP_TABLE
    with writing_anything():
        await hostile.send(queue, message)


async def _is_empty(broker: Broker) -> bool:
    """Return whether nothing waits or is in hand anywhere, but in dead-letter queues."""
    found = await broker.look_here("queues")
    waiting = {each["name"]: each.get("messages", 1) for each in found if not each["name"].endswith(".dlq")}
    exact = [await broker.ready(each) for each in (*OPERATIONS, *RETRIES, "profile.unroutable")]
    return not any(waiting.values()) and not any(exact)
