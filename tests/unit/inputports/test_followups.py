import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.app.commands.follow_owner import FollowOwner
from service.domain.errors import Unavailable
from service.infrastructure.inputports.followups import Followups
from service.infrastructure.inputports.in_hand import InHand
from tests.builders import NOON
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import no_outage

QUEUE = "profile.followup"
OWNER, POST = uuid4(), uuid4()


class Handler:
    """Notes whose posts it was to look after, and fails as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.owners: list[UUID] = []

    async def handle(self, command: FollowOwner) -> None:
        self.owners.append(command.user_id)
        if self.error:
            raise self.error


def an_event(kind: str = "profile.deleted", **data: Any) -> bytes:
    usual = {"id": str(OWNER), "version": 2, "changed": ["status"]}
    event = {"id": f"{kind}/1", "type": kind, "subject": "s", "time": NOON.isoformat()}
    return json.dumps({**event, "data": {**usual, **data}}).encode()


async def serve(body: bytes, error: Exception | None = None, **properties: Any) -> tuple[Handler, FakeBroker]:
    handler, broker = Handler(error), FakeBroker()
    followups = Followups(QUEUE, handler, broker, FakeClock(NOON), no_outage(), InHand())  # type: ignore[arg-type]
    await followups.serve(broker.deliver(body, reply_to=None, message_id="e-1", **properties))
    return handler, broker


@pytest.mark.parametrize(
    "body",
    [
        an_event(),
        an_event("profile.erased"),
        an_event("profile.updated", changed=["first_name", "status"]),
        an_event("post.created", id=str(POST), user_id=str(OWNER)),
    ],
)
async def test_the_posts_of_the_user_in_the_event_are_looked_after(body: bytes) -> None:
    handler, broker = await serve(body)

    assert handler.owners == [OWNER]
    assert broker.journal == ["ack"]


async def test_posts_do_not_follow_a_change_that_is_none_of_the_status() -> None:
    handler, broker = await serve(an_event("profile.updated", changed=["last_name", "role"]))

    assert handler.owners == []
    assert broker.journal == ["ack"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "malformed_json"),
        (b"\xff", "malformed_json"),
        (b"[]", "malformed_json"),
        (an_event(id="no uuid"), "malformed_request"),
        (an_event("post.created"), "malformed_request"),
    ],
)
async def test_what_is_no_event_of_ours_is_set_aside_at_once(body: bytes, reason: str) -> None:
    handler, broker = await serve(body)
    ((queue, letter),) = broker.set_asides

    assert handler.owners == []
    assert broker.journal == ["set aside", "ack"]
    assert (queue, letter.body, letter.headers["x-error-reason"]) == (f"{QUEUE}.dlq", body, reason)
    assert letter.headers["x-replayable"] is True


@pytest.mark.parametrize(
    ("error", "tried", "delay"),
    [
        (Unavailable(), 0, "profile.retry.5s"),
        (Unavailable(), 1, "profile.retry.30s"),
        (Unavailable(), 2, "profile.retry.300s"),
        (Unavailable(), 99, "profile.retry.300s"),  # whatever is away comes back
        (ZeroDivisionError(), 0, "profile.retry.5s"),
        (ZeroDivisionError(), 2, "profile.retry.300s"),
        (ZeroDivisionError(), "2", "profile.retry.5s"),  # a header that is none of ours
    ],
)
async def test_what_fails_is_tried_again_later(error: Exception, tried: object, delay: str) -> None:
    _, broker = await serve(an_event(), error, headers={"x-attempt": tried, "traceparent": "t"})
    ((queue, waits_in, message),) = broker.retries

    assert broker.journal == ["retry later", "ack"]
    assert (queue, waits_in, message.body) == (QUEUE, delay, an_event())
    assert message.headers["x-attempt"] == (tried + 1 if isinstance(tried, int) else 1)
    assert (message.headers["traceparent"], message.message_id) == ("t", "e-1")
    assert message.headers["x-error-type"] == type(error).__name__


async def test_an_unforeseen_failure_is_set_aside_after_a_few_tries() -> None:
    _, broker = await serve(an_event(), ZeroDivisionError("canary"), headers={"x-attempt": 3})
    ((_, letter),) = broker.set_asides

    assert broker.journal == ["set aside", "ack"]
    assert letter.headers["x-error-code"] == "internal"
    assert "canary" not in repr(letter.headers)


async def test_an_event_that_could_not_be_put_off_is_not_acknowledged() -> None:
    broker = FakeBroker(down=ConnectionError())
    followups = Followups(QUEUE, Handler(Unavailable()), broker, FakeClock(NOON), no_outage(), InHand())  # type: ignore[arg-type]

    with pytest.raises(ConnectionError):
        await followups.serve(broker.deliver(an_event()))
    assert broker.journal == []


async def test_an_event_that_kills_workers_is_set_aside() -> None:
    broker, handler = FakeBroker(), Handler()
    followups = Followups(QUEUE, handler, broker, FakeClock(NOON), no_outage(), InHand())  # type: ignore[arg-type]
    await followups.serve(broker.deliver(b"{}", headers={"x-delivery-count": 10}, redelivered=True))
    ((queue, letter),) = broker.set_asides

    assert (queue, letter.headers["x-error-type"]) == (f"{QUEUE}.dlq", "TooManyDeliveries")
    assert broker.journal == ["set aside", "ack"]
