import json
from collections.abc import Sequence
from typing import Any

import pytest
from aio_pika.exceptions import DeliveryError
from pamqp.commands import Basic

from profile_contracts.events import COMMAND_FAILED
from profile_contracts.operations import PROFILE_UPDATE
from service.domain.errors import StaleVersion
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages.publish_command_failed import PublishCommandFailed
from tests.builders import NOON
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.clock import FakeClock
from tests.unit.inputports.amqp.stages.running import a_context

SECRET = b'{"password": "correct horse"}'
KEYS = (b"k" * 32, b"o" * 32)


def failed(broker: FakeBroker, **properties: Any) -> MessageContext:
    """Return a command that was refused, and that nobody waits for."""
    context = a_context(
        SECRET, PROFILE_UPDATE, broker, **{"reply_to": None, "message_id": "m-1", **properties}
    )
    context.fail(StaleVersion())
    return context


async def told(
    context: MessageContext, broker: FakeBroker, keys: Sequence[bytes] = KEYS
) -> list[dict[str, Any]]:
    """Return the events that tell of it."""
    await PublishCommandFailed(broker, FakeClock(), lambda: keys)(context)
    assert {key for key, _ in broker.events} <= {"command.failed"}
    return [json.loads(message.body) for _, message in broker.events]


async def test_it_names_the_message_and_the_reason_and_nothing_of_what_was_asked() -> None:
    broker = FakeBroker()
    (event,) = await told(failed(broker, correlation_id="c-1"), broker)

    assert (
        event["data"]
        == COMMAND_FAILED.data.model_validate(event["data"]).model_dump(mode="json")
        == {
            "queue": "profile.update",
            "message_id": "m-1",
            "correlation_id": "c-1",
            "code": "conflict",
            "reason": "stale_version",
        }
    )
    assert event["subject"] == "profile.update"
    assert event["time"] == NOON.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert "horse" not in json.dumps(event)


async def test_the_same_failure_has_the_same_id_and_another_one_another() -> None:
    ids = []
    for properties in ({}, {}, {"message_id": "m-2"}, {"message_id": None}, {"message_id": None}):
        broker = FakeBroker()
        ids += [each["id"] for each in await told(failed(broker, **properties), broker)]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


async def test_nobody_without_the_key_can_try_passwords_by_the_id() -> None:
    broker = FakeBroker()
    ids = {
        event["id"]
        for keys in (KEYS, KEYS[:1], KEYS[1:])
        for event in await told(failed(broker), broker, keys)
    }

    assert len(ids) == 2  # by the first key, and by the other one


async def test_names_that_are_no_text_are_told_as_far_as_json_can_hold_them() -> None:
    broker = FakeBroker()
    context = failed(broker, correlation_id="x" * 256)
    context.message_id = "a\udcffb"
    (event,) = await told(context, broker)

    assert event["data"]["message_id"] == "a\ufffdb"
    assert event["data"]["correlation_id"] is None


async def test_nothing_is_told_of_what_somebody_waits_for_or_is_tried_again_or_was_done() -> None:
    broker = FakeBroker()
    waited_for, retried, done = failed(broker, reply_to=REPLY_TO), failed(broker), failed(broker)
    retried.will_be_retried = True
    done.cause = done.error = None

    for each in (waited_for, retried, done):
        assert await told(each, broker) == []


async def test_a_listener_whose_queue_is_full_holds_nothing_up() -> None:
    broker = FakeBroker(down=DeliveryError(None, Basic.Nack()))

    assert await told(failed(broker), broker) == []


async def test_it_is_not_over_until_the_broker_has_it() -> None:
    broker = FakeBroker(down=ConnectionError())

    with pytest.raises(ConnectionError):
        await PublishCommandFailed(broker, FakeClock(), lambda: KEYS)(failed(broker))
