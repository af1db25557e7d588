import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from aio_pika.exceptions import AMQPConnectionError
from pydantic import BaseModel

from profile_contracts.operations import AUTH_LOGIN, PROFILE_CREATE, PROFILE_GET, Operation
from profile_contracts.profiles import Profile
from service.app.auth.actors import Caller, TrustedService
from service.app.auth.permissions import NotAllowed
from service.app.commands.saving import TooManyWriters
from service.domain.errors import Unavailable
from service.domain.profile_refusals import EmailTaken
from service.infrastructure.inputports import suspects
from service.infrastructure.inputports.endpoint import Edge, Endpoint
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.outgoing import ReplyAddresses
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.vouching import sender
from service.infrastructure.mongo.errors import DatabaseUnavailable
from tests.builders import a_profile
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.consumers import no_outage
from tests.fakes.house import House

ADA = a_profile()
CANARY = "Canary-4711"
CREATE = json.dumps(PROFILE_CREATE.example[0] | {"password": CANARY, "first_name": CANARY}).encode()
GET = json.dumps(PROFILE_GET.example[0]).encode()
PROFILE = Profile.model_validate(PROFILE_GET.example[1])

Translate = Callable[[Any, Caller], Awaitable[BaseModel]]


async def succeed(_request: Any, _caller: Caller) -> Profile:
    return PROFILE


def failing(error: Exception) -> Translate:
    """Return a use case that raises *error*."""

    async def fail(_request: Any, _caller: Caller) -> Profile:
        raise error

    return fail


KEY = b"k" * 32


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for what comes at once with a suspect."""
    monkeypatch.setattr(suspects, "_PAUSE_SECONDS", 0.0)


class Stage:
    """One endpoint and the broker around it."""

    def __init__(
        self, translate: Translate = succeed, operation: Operation[Any, Any] = PROFILE_CREATE
    ) -> None:
        self.house = House(ADA)
        self.broker, self.clock = FakeBroker(), self.house.clock
        trusted = {"hr": frozenset({"profile.create"})}
        principals = Principals(self.house.tokens, self.house.sessions, trusted, KEY)
        edge = Edge(
            principals,
            self.broker,
            ReplyAddresses(),
            self.clock,
            self.broker.room,
            no_outage(),
            InHand(),
            KEY,
        )
        self.endpoint = Endpoint(operation, translate, edge)

    async def serve(self, body: bytes = CREATE, **properties: Any) -> None:
        await self.endpoint.serve(self.broker.deliver(body, **properties))

    @property
    def reply(self) -> dict[str, Any]:
        """The one reply."""
        [(_, reply, _)] = self.broker.replies
        decoded: dict[str, Any] = json.loads(reply.body)
        return decoded

    @property
    def refusal(self) -> tuple[str, str]:
        """Code and reason of the one reply."""
        return self.reply["error"]["code"], self.reply["error"]["reason"]


@contextmanager
def watched(caplog: pytest.LogCaptureFixture) -> Iterator[list[MutableMapping[str, Any]]]:
    """Collect all that is logged, whatever its level."""
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as entries:
        yield entries


async def test_success_is_answered_and_then_acknowledged() -> None:
    stage = Stage()
    await stage.serve()

    assert stage.reply == {"ok": True, "result": json.loads(PROFILE.model_dump_json())}
    assert stage.broker.journal == ["reply", "ack"]


async def test_the_reply_goes_where_the_caller_waits() -> None:
    stage = Stage()
    await stage.serve(correlation_id="c-9")
    [(queue, reply, _)] = stage.broker.replies

    assert queue == REPLY_TO
    assert (reply.correlation_id, reply.type) == ("c-9", "profile.create.reply")


@pytest.mark.parametrize(("operation", "body"), [(PROFILE_CREATE, CREATE), (PROFILE_GET, GET)])
async def test_the_reply_to_a_command_is_confirmed(operation: Operation[Any, Any], body: bytes) -> None:
    stage = Stage(operation=operation)
    await stage.serve(body)

    assert [confirmed for _, _, confirmed in stage.broker.replies] == [operation is PROFILE_CREATE]


async def test_a_refusal_is_answered_and_acknowledged() -> None:
    stage = Stage(failing(EmailTaken()))
    await stage.serve()

    assert stage.reply == {
        "ok": False,
        "error": {
            "code": "conflict",
            "reason": "email_taken",
            "message": "Another profile has this e-mail address.",
            "retryable": False,
            "details": [{"field": "email", "reason": "email_taken"}],
        },
    }
    assert stage.broker.journal == ["reply", "ack"]


async def test_an_outage_is_answered_and_acknowledged() -> None:
    stage = Stage(failing(DatabaseUnavailable()))
    await stage.serve()

    assert stage.refusal == ("unavailable", "database_unavailable")
    assert stage.broker.journal == ["reply", "ack"]


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"\xff", {}, "malformed_json"),
        (b"[]", {}, "malformed_request"),
        (b"{}", {}, "malformed_request"),
        (b" " * 70_000, {}, "message_too_large"),
        (CREATE, {"content_type": "text/plain"}, "unsupported_content_type"),
    ],
)
async def test_a_malformed_request_is_answered_and_set_aside(
    body: bytes, properties: dict[str, Any], reason: str
) -> None:
    stage = Stage()
    await stage.serve(body, **properties)

    assert stage.refusal == ("invalid", reason)
    assert stage.broker.journal == ["reply", "set aside", "ack"]


async def test_an_unforeseen_error_is_answered_without_words_and_set_aside() -> None:
    stage = Stage(failing(KeyError(CANARY)))
    await stage.serve(message_id="m-1")
    [(queue, letter)] = stage.broker.set_asides

    assert stage.refusal == ("internal", "internal_error")
    assert stage.broker.journal == ["reply", "set aside", "ack"]
    assert queue == "profile.create.dlq"
    assert letter.headers == {
        "x-error-code": "internal",
        "x-error-reason": "internal_error",
        "x-error-type": "KeyError",
        "x-failed-at": "2026-11-22T12:00:00.000+00:00",
        "x-original-queue": "profile.create",
        "x-attempts": 1,
        "x-replayable": False,
    }
    assert (letter.body, letter.message_id) == (b"{}", "m-1")


async def test_a_result_that_cannot_be_written_is_an_internal_error() -> None:
    async def unwritable(_request: Any, _caller: Caller) -> Profile:
        return PROFILE.model_copy(update={"first_name": "\ud800"})

    stage = Stage(unwritable)
    await stage.serve()

    assert stage.refusal == ("internal", "internal_error")
    assert stage.broker.journal == ["reply", "set aside", "ack"]


@pytest.mark.parametrize("address", ["profile.create", "amq.rabbitmq.reply-to", "somebody.elses|queue"])
async def test_a_refused_reply_address_is_never_written_to(address: str) -> None:
    stage = Stage()
    await stage.serve(reply_to=address)
    [(queue, letter)] = stage.broker.set_asides

    assert stage.broker.replies == []
    assert stage.broker.journal == ["set aside", "ack"]
    assert (queue, letter.headers["x-error-reason"]) == ("profile.create.dlq", "reply_to_refused")


async def test_a_request_with_a_refused_reply_address_is_not_carried_out() -> None:
    carried_out: list[object] = []

    async def translate(request: Any, _caller: Caller) -> Profile:
        carried_out.append(request)
        return PROFILE

    await Stage(translate).serve(reply_to="profile.create")

    assert carried_out == []


@pytest.mark.parametrize("address", [None, ""])
async def test_nobody_is_answered_who_does_not_wait(address: str | None) -> None:
    stage = Stage()
    await stage.serve(reply_to=address)

    assert stage.broker.journal == ["ack"]


async def test_a_malformed_request_of_nobody_is_set_aside() -> None:
    stage = Stage()
    await stage.serve(b"junk", reply_to=None)

    assert stage.broker.journal == ["set aside", "ack"]


@pytest.mark.parametrize(("count", "served"), [(None, True), (0, True), (9, True), (10, False), (50, False)])
async def test_a_request_that_kills_workers_is_not_tried_for_ever(count: object, *, served: bool) -> None:
    stage = Stage()
    await stage.serve(headers={} if count is None else {"x-delivery-count": count}, redelivered=bool(count))

    assert stage.reply["ok"] is served
    assert stage.broker.journal == (["reply", "ack"] if served else ["reply", "set aside", "ack"])


@pytest.mark.parametrize(
    ("count", "redelivered"),
    [*((count, True) for count in (CANARY, "70", b"70", "", [70], 70.5)), (70, False)],
)
async def test_a_count_of_deliveries_that_is_not_the_brokers_is_passed_over(
    count: object, *, redelivered: bool
) -> None:
    stage = Stage()
    await stage.serve(headers={"x-delivery-count": count}, redelivered=redelivered)

    assert stage.reply["ok"] is True


async def test_a_deadline_that_has_passed_is_out_of_time() -> None:
    stage = Stage()
    await stage.serve(headers={"x-deadline": int(stage.clock.time.timestamp() * 1000) - 30_001})

    assert stage.refusal == ("deadline_exceeded", "out_of_time")
    assert stage.broker.journal == ["reply", "ack"]


async def test_work_beyond_the_deadline_is_cut_off() -> None:
    ended: list[str] = []

    async def never(_request: Any, _caller: Caller) -> Profile:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cut off")
        return PROFILE

    stage = Stage(never)
    await stage.serve(expiration="20")

    assert stage.refusal == ("deadline_exceeded", "out_of_time")
    assert ended == ["cut off"]


async def test_another_timeout_is_not_the_callers() -> None:
    stage = Stage(failing(TimeoutError()))
    await stage.serve()

    assert stage.refusal == ("internal", "internal_error")


async def test_the_use_case_hears_who_asks_for_what() -> None:
    heard: list[tuple[Any, Caller]] = []

    async def listen(request: Any, caller: Caller) -> Profile:
        heard.append((request, caller))
        return PROFILE

    stage = Stage(listen)
    await stage.serve(user_id="hr")
    ada, tokens = await stage.house.logged_in(ADA)
    await stage.serve(user_id="hr", headers={"authorization": f"Bearer {tokens.access_token.text}"})

    assert [caller.actor for _, caller in heard] == [TrustedService("hr"), ada]
    assert heard[0][0] == PROFILE_CREATE.request.model_validate_json(CREATE)


@pytest.mark.parametrize("error", [AMQPConnectionError("down"), TimeoutError()])
@pytest.mark.parametrize("body", [CREATE, b"junk"])
async def test_a_request_is_not_acknowledged_unless_its_reply_is_away(error: Exception, body: bytes) -> None:
    stage = Stage()
    stage.broker.down = error

    with pytest.raises(type(error)):
        await stage.serve(body)
    assert stage.broker.journal == []


async def test_a_request_is_not_acknowledged_unless_it_is_set_aside() -> None:
    stage = Stage()
    stage.broker.down = AMQPConnectionError("down")

    with pytest.raises(AMQPConnectionError):
        await stage.serve(b"junk", reply_to=None)
    assert stage.broker.journal == []


async def test_a_stop_in_the_middle_leaves_the_request_on_the_queue() -> None:
    stage = Stage(failing(asyncio.CancelledError()))  # type: ignore[arg-type]

    with pytest.raises(asyncio.CancelledError):
        await stage.serve()
    assert stage.broker.journal == []


@pytest.mark.parametrize(
    ("translate", "entry"),
    [
        (succeed, {"event": "request", "log_level": "info", "code": "ok", "reason": None}),
        (
            failing(EmailTaken(CANARY)),
            {"event": "request", "log_level": "info", "code": "conflict", "reason": "email_taken"},
        ),
        (
            failing(KeyError(CANARY)),
            {
                "event": "request failed",
                "log_level": "error",
                "code": "internal",
                "reason": "internal_error",
                "error_type": "KeyError",
            },
        ),
    ],
)
async def test_each_request_is_logged_once_and_by_field(
    caplog: pytest.LogCaptureFixture, translate: Translate, entry: dict[str, object]
) -> None:
    with watched(caplog) as entries:
        await Stage(translate).serve(user_id="gateway", correlation_id="c-9")
    [logged] = [each for each in entries if each["event"].startswith("request")]

    assert entry.items() <= logged.items()
    assert (logged["operation"], logged["correlation_id"], logged["service"]) == (
        "profile.create",
        "c-9",
        "gateway",
    )
    assert logged["ms"] >= 0


async def test_an_unforeseen_error_is_logged_by_where_it_happened() -> None:
    with structlog.testing.capture_logs() as entries:
        await Stage(failing(KeyError())).serve()

    assert any(line.endswith(" fail") and "test_endpoint.py:" in line for line in entries[0]["frames"])


@pytest.mark.parametrize("translate", [succeed, failing(EmailTaken(CANARY)), failing(KeyError(CANARY))])
@pytest.mark.parametrize("body", [CREATE, CREATE + b"!", CANARY.encode()])
async def test_nothing_that_was_sent_is_logged_or_set_aside(
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    translate: Translate,
    body: bytes,
) -> None:
    stage = Stage(translate)
    with watched(caplog) as entries:
        await stage.serve(body, headers={"authorization": f"Bearer {CANARY}"})
    told = [f"{letter.info()} {letter.body!r}" for _, letter in stage.broker.set_asides]

    assert entries
    assert CANARY not in f"{entries} {caplog.text} {capsys.readouterr()} {told}"
    assert CANARY not in json.dumps(stage.reply)


UNHEARD: dict[str, Any] = {"reply_to": None, "message_id": "m-1", "user_id": "hr"}


@pytest.mark.parametrize(
    ("error", "tried", "delay"),
    [
        (Unavailable(), 0, "profile.retry.5s"),
        (Unavailable(), 7, "profile.retry.300s"),
        (TooManyWriters(), 1, "profile.retry.30s"),
        (ZeroDivisionError(), 2, "profile.retry.300s"),
    ],
)
async def test_a_command_that_nobody_waits_for_is_tried_again(
    error: Exception, tried: int, delay: str
) -> None:
    stage = Stage(failing(error))
    await stage.serve(headers={"x-attempt": tried}, **UNHEARD)
    ((queue, waits_in, message),) = stage.broker.retries

    assert stage.broker.journal == ["retry later", "ack"]
    assert (queue, waits_in, message.body) == ("profile.create", delay, CREATE)
    assert (message.message_id, message.headers["x-attempt"]) == ("m-1", tried + 1)
    assert message.user_id is None  # the broker would refuse it
    # But the worker that gets it knows who sent it, by our word.
    back = stage.broker.deliver(CREATE, reply_to=None, message_id="m-1", headers=message.headers)
    assert sender(back, KEY) == "hr"


@pytest.mark.parametrize("error", [EmailTaken(), NotAllowed()])
async def test_a_refusal_is_not_tried_again(error: Exception) -> None:
    stage = Stage(failing(error))
    await stage.serve(**UNHEARD)

    assert stage.broker.journal == ["ack"]


async def test_an_unforeseen_failure_is_set_aside_after_a_few_tries() -> None:
    stage = Stage(failing(ZeroDivisionError()))
    await stage.serve(**UNHEARD, headers={"x-attempt": 3})
    ((_, letter),) = stage.broker.set_asides

    assert stage.broker.journal == ["set aside", "ack"]
    assert letter.headers["x-attempts"] == 4


@pytest.mark.parametrize(
    ("operation", "properties"),
    [(PROFILE_CREATE, {"message_id": "m-1"}), (AUTH_LOGIN, UNHEARD), (PROFILE_GET, UNHEARD)],
    ids=["somebody waits", "of sessions", "a query"],
)
async def test_what_somebody_waits_for_or_nobody_needs_is_not_tried_again(
    operation: Operation[Any, Any], properties: dict[str, Any]
) -> None:
    stage = Stage(failing(Unavailable()), operation)
    await stage.serve(json.dumps(operation.example[0]).encode(), **properties)

    assert stage.broker.retries == []
    assert stage.broker.journal[-1] == "ack"


async def test_a_request_that_kills_workers_is_not_tried_again() -> None:
    stage = Stage()
    await stage.serve(headers={"x-delivery-count": 10}, redelivered=True, **UNHEARD)

    assert stage.broker.journal == ["set aside", "ack"]


async def test_a_time_limit_counts_from_the_first_time() -> None:
    stage = Stage(failing(Unavailable()))
    await stage.serve(expiration="2000", **UNHEARD)
    ((_, _, message),) = stage.broker.retries

    assert message.headers["x-deadline"] == int(stage.clock.now().timestamp() * 1000) + 2000
    stage.clock.advance(seconds=33)  # by any clock
    await stage.serve(headers=message.headers, **UNHEARD)
    assert len(stage.broker.retries) == 1  # it is too late
