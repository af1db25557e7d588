import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.app.commands.cascade_profile_status import CascadeProfileStatus
from service.domain.errors import Unavailable
from service.infrastructure.inputports import last_resort
from service.infrastructure.inputports.followups import Followups
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.vouching import Journey, journey_of, vouch
from tests.builders import NOON
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import no_outage

QUEUE = "profile.followup"
KEY = b"k" * 32
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


def a_followup(broker: FakeBroker, handler: Handler | Exception) -> Followups:
    """Return what looks after posts; given an error, it always fails with that."""
    handler = Handler(handler) if isinstance(handler, Exception) else handler
    return Followups(QUEUE, handler, broker, FakeClock(NOON), no_outage(), InHand(), KEY)  # type: ignore[arg-type]


async def serve(body: bytes, error: Exception | None = None, **properties: Any) -> tuple[Handler, FakeBroker]:
    handler, broker = Handler(error), FakeBroker()
    followups = a_followup(broker, handler)
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
async def test_what_is_no_event_of_ours_is_dead_lettered_at_once(body: bytes, reason: str) -> None:
    handler, broker = await serve(body)
    ((queue, letter),) = broker.set_asides

    assert handler.owners == []
    assert broker.journal == ["set aside", "ack"]
    assert (queue, letter.body, letter.headers["x-error-reason"]) == (f"{QUEUE}.dlq", b"{}", reason)
    assert letter.headers["x-replayable"] is False


def tried(times: int, body: bytes | None = None) -> dict[str, Any]:
    """Return the headers of an event that was tried so many times before."""
    return vouch(Journey(None, times), "e-1", body or an_event(), KEY)


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

    assert broker.journal == ["retry later", "ack"]
    assert (queue, waits_in) == (QUEUE, delay)
    assert json.loads(message.body)["data"] == json.loads(an_event())["data"]
    assert journey_of(back, KEY).attempts == times + 1
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
    sent = [message for _, _, message in broker.retries] + [message for _, message in broker.set_asides]

    assert len(sent) == 1
    assert "canary" not in f"{sent[0].info()} {sent[0].body!r}"


async def test_an_unforeseen_failure_is_dead_lettered_after_a_few_tries() -> None:
    _, broker = await serve(an_event(), ZeroDivisionError("canary"), headers=tried(3))
    ((_, letter),) = broker.set_asides

    assert broker.journal == ["set aside", "ack"]
    assert letter.headers["x-error-code"] == "internal"
    assert "canary" not in repr(letter.headers)


async def test_an_event_that_could_not_be_put_off_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_resort, "_PAUSE_SECONDS", 0.0)
    broker = FakeBroker(down=ConnectionError())
    followups = a_followup(broker, Unavailable())

    await followups.serve(broker.deliver(an_event()))

    assert broker.journal == ["requeue"]


async def test_an_event_that_kills_workers_is_dead_lettered() -> None:
    broker, handler = FakeBroker(), Handler()
    followups = a_followup(broker, handler)
    await followups.serve(broker.deliver(b"{}", headers={"x-delivery-count": 10}, redelivered=True))
    ((queue, letter),) = broker.set_asides

    assert (queue, letter.headers["x-error-type"]) == (f"{QUEUE}.dlq", "TooManyDeliveries")
    assert broker.journal == ["set aside", "ack"]
