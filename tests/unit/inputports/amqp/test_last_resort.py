"""An exception at every statement of the way out: no message stays unacknowledged, and none is gone."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pamqp import encode

from profile_contracts.operations import AUTH_KEYS, PROFILE_CREATE, PROFILE_GET
from service.domain.errors import Unavailable
from service.domain.profile import EmailTaken
from service.infrastructure.inputports import amqp
from service.infrastructure.inputports.amqp.stages import (
    last_resort,
    redelivery_quarantine,
    retry_or_dead_letter,
)
from service.infrastructure.rabbitmq import lenient_codec
from service.pkg import message_fields
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.unit.inputports.amqp.test_cascade import a_cascade, an_event
from tests.unit.inputports.amqp.test_pipeline import CREATE, GET, PipelineHarness, failing, succeed

# Whatever a message passes.
PIPELINE = {str(each) for each in Path(amqp.__path__[0]).rglob("*.py")} | {str(message_fields.__file__)}
# These are no more than a `try` and what comes after it, or around it.
OUTERMOST = frozenset(
    {
        "LastResort.__call__",
        "LastResort._rescue",
        "LastResort._give_back",
        "_link.<locals>.call",
        "Pipeline.compile.<locals>.serve",
        "InFlight.track.<locals>.tracked",
        "_Consumer.take",
        "_Consumer.drop",
    }
)
ENDS = {"ack", "requeue", "drop"}


class Injected(Exception):
    pass


@contextmanager
def raising_at(number: int, module: str | None = None) -> Iterator[list[str]]:
    """Raise `Injected` at one line of the way out, the first being 0; yield where that was."""
    hit: list[str] = []
    left = number

    def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
        nonlocal left
        name = frame.f_code.co_filename
        if (
            name not in PIPELINE
            or frame.f_code.co_qualname in OUTERMOST
            or (module and name != module)
            or hit
        ):
            return None
        if event == "line":
            if left == 0:
                hit.append(f"{name}:{frame.f_lineno}")
                raise Injected
            left -= 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield hit
    finally:
        sys.settrace(before)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait, and write properties as a worker does."""
    monkeypatch.setitem(encode.METHODS, "shortstr", lenient_codec._short_text_again)  # noqa: SLF001 - not for all tests
    monkeypatch.setattr(redelivery_quarantine, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(last_resort, "_PAUSE_SECONDS", 0.0)


def assert_it_has_an_end(broker: FakeBroker, *, heard: bool, where: object) -> None:
    ends = [each for each in broker.journal if each in ENDS]
    assert len(ends) == 1, where
    if ends == ["ack"] and heard:  # a letter only, if it failed before it was known where to reply
        assert broker.replies or broker.dead_letters, where
    elif ends == ["ack"]:
        assert broker.retries or broker.dead_letters, where


SCENES: dict[str, tuple[Any, Any, bytes, dict[str, Any]]] = {
    "a command is done": (lambda: succeed, PROFILE_CREATE, CREATE, {}),
    "a command is refused": (lambda: failing(EmailTaken()), PROFILE_CREATE, CREATE, {}),
    "a command fails": (lambda: failing(KeyError()), PROFILE_CREATE, CREATE, {}),
    "a query is answered": (lambda: succeed, PROFILE_GET, GET, {}),
    "a query is malformed": (lambda: succeed, AUTH_KEYS, b"junk", {}),
    "a command is put off": (lambda: failing(Unavailable()), PROFILE_CREATE, CREATE, {"reply_to": None}),
    "a command is dead": (lambda: succeed, PROFILE_CREATE, b"junk", {"reply_to": None}),
}


@pytest.mark.parametrize("scene", SCENES)
async def test_whatever_line_of_the_way_out_fails_the_message_has_one_end(scene: str) -> None:
    make, operation, body, properties = SCENES[scene]
    given = {"reply_to": REPLY_TO, "user_id": "hr", "message_id": "m-1", **properties}
    for number in range(10_000):
        harness = PipelineHarness(
            make(), operation
        )  # a new error each time: its traceback would grow and grow
        with raising_at(number) as hit:
            await asyncio.create_task(harness.serve(body, **given))
        if not hit:
            break
        assert_it_has_an_end(harness.broker, heard=bool(given["reply_to"]), where=hit)
    assert number > 40


async def test_whatever_line_fails_an_event_has_one_end() -> None:
    for number in range(10_000):
        broker = FakeBroker()
        serve = a_cascade(broker, Unavailable())
        message = broker.deliver(an_event(), reply_to=None, message_id="e-1")
        with raising_at(number) as hit:
            await asyncio.ensure_future(serve(message))
        if not hit:
            break
        assert_it_has_an_end(broker, heard=False, where=hit)
    assert number > 40


async def test_the_last_resort_may_fail_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_or_dead_letter, "retry_message", lambda *_: 1 / 0)
    for number in range(10_000):
        harness = PipelineHarness(failing(Unavailable()))
        with raising_at(number, last_resort.__file__) as hit:
            await asyncio.create_task(harness.serve(reply_to=None))
        if not hit:
            break
        assert_it_has_an_end(harness.broker, heard=False, where=hit)
    assert number > 5


HOSTILE: dict[str, dict[str, Any]] = {
    "a huge count": {"headers": {"x-attempt": 2**63 - 1, "x-replay-count": 2**63 - 1}},
    "a name in Latin-1": {"headers": {"caf\udce9": "1", "x": "caf\udce9"}},
    "a token in Latin-1": {"headers": {"authorization": "Bearer caf\udce9"}},
    "a header larger than a frame": {
        "headers": {"x": "x" * 140_000, "authorization": "Bearer " + "a" * 140_000}
    },
    "routes": {"headers": {"CC": ["profile.followup"], "BCC": ["profile.followup"]}},
    "ids of nobody": {"message_id": "\udcff", "correlation_id": "\udcff"},
    "a deadline without end": {"headers": {"x-deadline": 2**63 - 1}},
}


@pytest.mark.parametrize("error", [Unavailable(), KeyError()])
@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_sent_again_can_be_written_and_is_small(name: str, error: Exception) -> None:
    harness = PipelineHarness(failing(error), PROFILE_CREATE)
    await harness.serve(**{"reply_to": None, "user_id": "hr", **HOSTILE[name]})
    sent = [each for _, _, each in harness.broker.retries] + [each for _, each in harness.broker.dead_letters]

    assert len(sent) <= 1
    for message in sent:
        marshalled = message.properties.marshal()
        assert len(marshalled) < 12_000
        assert not {"CC", "BCC", "x"} & set(message.headers)
        assert message.headers.get("x-attempts") == 1
    assert harness.broker.journal[-1] == "ack"


def test_the_reply_of_the_last_resort_is_one_of_the_contract() -> None:
    assert json.loads(last_resort._BODY)["error"]["reason"] == "internal_error"  # noqa: SLF001 - no other way
