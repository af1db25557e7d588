import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from faststream.rabbit import Channel, RabbitQueue

from service.app.commands.cascade_profile_status import CascadeProfileStatus
from service.domain.errors import Unavailable
from service.infrastructure.inputports.amqp.handlers.cascade import subscribe_cascade
from service.infrastructure.inputports.amqp.in_flight import InFlight, Serve
from service.infrastructure.inputports.amqp.pipeline import pipeline
from service.infrastructure.inputports.amqp.router import QueueBinding, Router
from service.infrastructure.inputports.amqp.sender_signature import History, sign_sender, verified_history
from service.infrastructure.inputports.amqp.stages import last_resort
from tests.builders import NOON
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import FakeBroker
from tests.unit.inputports.amqp.messaging_harness import KEY, Subscribers, needs_of

QUEUE = "profile.followup"
TRACE = f"00-{32 * 'a'}-{16 * 'b'}-01"
OWNER, POST = uuid4(), uuid4()


class Handler:
    """Notes whose posts it was to look after, and fails as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.owners: list[UUID] = []

    async def handle(self, command: CascadeProfileStatus) -> None:
        self.owners.append(command.user_id)
        if self.error:
            raise self.error


def an_event(kind: str = "profile.deleted", **data: Any) -> bytes:
    usual = {"id": str(OWNER), "version": 2, "changed": ["status"]}
    event = {"id": f"{kind}/1", "type": kind, "subject": "s", "time": NOON.isoformat()}
    return json.dumps({**event, "data": {**usual, **data}}).encode()


def a_cascade(broker: FakeBroker, handler: Handler | Exception) -> Serve:
    """Return what serves events; given an error, it always fails with that."""
    handler = Handler(handler) if isinstance(handler, Exception) else handler
    subscribers: Any = Subscribers()
    router = Router(subscribers, pipeline(needs_of(AppFixture(), broker, {})), InFlight(), None)  # type: ignore[arg-type]
    binding = QueueBinding(RabbitQueue(QUEUE), None, Channel())
    subscribe_cascade(router, binding, handler)  # type: ignore[arg-type]
    serve: Serve = subscribers.by_queue[QUEUE]
    return serve


async def serve(body: bytes, error: Exception | None = None, **properties: Any) -> tuple[Handler, FakeBroker]:
    handler, broker = Handler(error), FakeBroker()
    cascade = a_cascade(broker, handler)
    await cascade(broker.deliver(body, reply_to=None, message_id="e-1", **properties))
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
async def test_what_is_no_event_of_ours_is_dead_lettered_at_once(body: bytes, reason: str) -> None:
    handler, broker = await serve(body)
    ((queue, letter),) = broker.dead_letters

    assert handler.owners == []
    assert broker.journal == ["dead letter", "ack"]
    assert (queue, letter.body, letter.headers["x-error-reason"]) == (f"{QUEUE}.dlq", b"{}", reason)
    assert letter.headers["x-replayable"] is False


def tried(times: int, body: bytes | None = None) -> dict[str, Any]:
    """Return the headers of an event that was tried so many times before."""
    return sign_sender(History(None, times), "e-1", body or an_event(), [KEY])


@pytest.mark.parametrize(
    ("error", "times", "delay"),
    [
        (Unavailable(), 0, "profile.retry.5s"),
        (Unavailable(), 1, "profile.retry.30s"),
        (Unavailable(), 2, "profile.retry.300s"),
        (Unavailable(), 99, "profile.retry.300s"),  # whatever is away comes back
        (ZeroDivisionError(), 0, "profile.retry.5s"),
        (ZeroDivisionError(), 2, "profile.retry.300s"),
    ],
)
async def test_what_fails_is_tried_again_later(error: Exception, times: int, delay: str) -> None:
    _, broker = await serve(an_event(), error, headers={**tried(times), "traceparent": TRACE})
    ((queue, waits_in, message),) = broker.retries
    back = broker.deliver(message.body, message_id="e-1", headers=message.headers)

    assert broker.journal == ["retry", "ack"]
    assert (queue, waits_in) == (QUEUE, delay)
    assert json.loads(message.body)["data"] == json.loads(an_event())["data"]
    assert verified_history(back, [KEY]).attempts == times + 1
    assert (message.headers["traceparent"], message.message_id) == (TRACE, "e-1")
    assert message.headers["x-error-type"] == type(error).__name__


SECRETS = {
    "authorization": "Bearer canary",
    "CC": ["canary"],
    "BCC": ["canary"],
    "x-attempt": 99,
    "x": "canary",
}


@pytest.mark.parametrize("error", [Unavailable(), KeyError()])
@pytest.mark.parametrize("forged", [{"canary": "canary"}, {"changed": ["status", "the canary!"]}])
async def test_of_an_event_its_ids_go_on_and_nothing_else(error: Exception, forged: dict[str, Any]) -> None:
    body = an_event(**forged)
    _, broker = await serve(body, error, headers={**tried(3, body), **SECRETS})
    sent = [message for _, _, message in broker.retries] + [message for _, message in broker.dead_letters]

    assert len(sent) == 1
    assert "canary" not in f"{sent[0].info()} {sent[0].body!r}"


async def test_an_unforeseen_failure_is_dead_lettered_after_a_few_tries() -> None:
    _, broker = await serve(an_event(), ZeroDivisionError("canary"), headers=tried(3))
    ((_, letter),) = broker.dead_letters

    assert broker.journal == ["dead letter", "ack"]
    assert letter.headers["x-error-code"] == "internal"
    assert "canary" not in repr(letter.headers)


async def test_an_event_that_could_not_be_retried_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_resort, "_PAUSE_SECONDS", 0.0)
    broker = FakeBroker(down=ConnectionError())
    cascade = a_cascade(broker, Unavailable())

    await cascade(broker.deliver(an_event()))

    assert broker.journal == ["requeue"]


async def test_an_event_that_kills_workers_is_dead_lettered() -> None:
    broker, handler = FakeBroker(), Handler()
    cascade = a_cascade(broker, handler)
    await cascade(broker.deliver(b"{}", headers={"x-delivery-count": 10}, redelivered=True))
    ((queue, letter),) = broker.dead_letters

    assert (queue, letter.headers["x-error-type"]) == (f"{QUEUE}.dlq", "TooManyDeliveries")
    assert broker.journal == ["dead letter", "ack"]
