import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog
from aio_pika.exceptions import AMQPConnectionError
from opentelemetry.sdk.trace import TracerProvider
from pydantic import BaseModel

from profile_contracts.operations import AUTH_LOGIN, PROFILE_CREATE, PROFILE_GET, Operation
from profile_contracts.profiles import Profile
from service.app.auth.actors import TrustedService
from service.app.auth.permissions import NotAllowed
from service.app.optimistic_update import WriteContention
from service.app.request_context import RequestContext
from service.domain.errors import RateLimited, Unavailable
from service.domain.profile import EmailTaken
from service.infrastructure.inputports.amqp import context, deadlines
from service.infrastructure.inputports.amqp.deadlines import ServiceTimeout
from service.infrastructure.inputports.amqp.pipeline import Dependencies, pipeline
from service.infrastructure.inputports.amqp.route import Route
from service.infrastructure.inputports.amqp.sender_signature import History, sign_sender, verified_sender
from service.infrastructure.inputports.amqp.stages import last_resort, redelivery_quarantine
from service.infrastructure.inputports.amqp.stages.trace import Trace
from service.infrastructure.mongo.errors import DatabaseUnavailable
from tests.builders import a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.unit.inputports.amqp.messaging_harness import KEY, needs_of

ADA = a_profile()
CANARY = "Canary-4711"
CREATE = json.dumps(PROFILE_CREATE.example[0] | {"password": CANARY, "first_name": CANARY}).encode()
GET = json.dumps(PROFILE_GET.example[0]).encode()
PROFILE = Profile.model_validate(PROFILE_GET.example[1])

Translate = Callable[[Any, RequestContext], Awaitable[BaseModel]]


async def succeed(_request: Any, _caller: RequestContext) -> Profile:
    return PROFILE


def failing(error: Exception) -> Translate:
    """Return a use case that raises *error*."""

    async def fail(_request: Any, _caller: RequestContext) -> Profile:
        raise error

    return fail


def tried(times: int) -> dict[str, Any]:
    """Return the headers of a command that a worker has tried so many times."""
    return sign_sender(History("hr", times), "m-1", CREATE, [KEY])


# Sent by a known service, and nobody waits for it.
UNHEARD: dict[str, Any] = {"reply_to": None, "message_id": "m-1", "user_id": "hr"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for what comes at once with a suspect, nor before something is given back."""
    monkeypatch.setattr(redelivery_quarantine, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(last_resort, "_PAUSE_SECONDS", 0.0)


class PipelineHarness:
    """The pipeline of one operation, and the broker around it."""

    def __init__(
        self, translate: Translate = succeed, operation: Operation[Any, Any] = PROFILE_CREATE
    ) -> None:
        self.app_fixture = AppFixture(ADA)
        self.broker, self.clock = FakeBroker(), self.app_fixture.clock
        self.needs = needs_of(self.app_fixture, self.broker, {"hr": frozenset({"profile.create"})})
        self.route = Route.of(operation, translate)
        self.build(self.needs)

    def build(self, needs: Dependencies) -> None:
        """Build the pipeline anew, of *needs*."""
        self.serve_message = pipeline(needs).compile(self.route)

    async def serve(self, body: bytes = CREATE, **properties: Any) -> None:
        await self.serve_message(self.broker.deliver(body, **properties))

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
    harness = PipelineHarness()
    await harness.serve()

    assert harness.reply == {"ok": True, "result": json.loads(PROFILE.model_dump_json())}
    assert harness.broker.journal == ["reply", "ack"]


async def test_the_reply_goes_where_the_caller_waits() -> None:
    harness = PipelineHarness()
    await harness.serve(correlation_id="c-9")
    [(queue, reply, _)] = harness.broker.replies

    assert queue == REPLY_TO
    assert (reply.correlation_id, reply.type) == ("c-9", "profile.create.reply")


@pytest.mark.parametrize(("operation", "body"), [(PROFILE_CREATE, CREATE), (PROFILE_GET, GET)])
async def test_the_reply_to_a_command_is_confirmed(operation: Operation[Any, Any], body: bytes) -> None:
    harness = PipelineHarness(operation=operation)
    await harness.serve(body)

    assert [confirmed for _, _, confirmed in harness.broker.replies] == [operation is PROFILE_CREATE]


async def test_a_refusal_is_answered_and_acknowledged() -> None:
    harness = PipelineHarness(failing(EmailTaken()))
    await harness.serve()

    assert harness.reply == {
        "ok": False,
        "error": {
            "code": "conflict",
            "reason": "email_taken",
            "message": "Another profile has this e-mail address.",
            "retryable": False,
            "details": [{"field": "email", "reason": "email_taken"}],
        },
    }
    assert harness.broker.journal == ["reply", "ack"]


async def test_an_outage_is_answered_and_acknowledged() -> None:
    harness = PipelineHarness(failing(DatabaseUnavailable()))
    await harness.serve()

    assert harness.refusal == ("unavailable", "database_unavailable")
    assert harness.broker.journal == ["reply", "ack"]


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"\xff", {}, "malformed_json"),
        (b"[]", {}, "malformed_request"),
        (b"{}", {}, "malformed_request"),
        (b" " * 70_000, {}, "message_too_large"),
        (CREATE, {"content_type": "text/plain"}, "unsupported_content_type"),
        (CREATE, {"message_id": "caf\udce9"}, "message_id_malformed"),
    ],
)
async def test_a_malformed_request_is_answered_and_leaves_no_letter(
    body: bytes, properties: dict[str, Any], reason: str
) -> None:
    harness = PipelineHarness()
    await harness.serve(body, **properties)

    assert harness.refusal == ("invalid", reason)
    assert harness.broker.journal == ["reply", "ack"]


async def test_an_unforeseen_error_is_answered_without_words_and_dead_lettered() -> None:
    harness = PipelineHarness(failing(KeyError(CANARY)))
    await harness.serve(message_id="m-1")
    [(queue, letter)] = harness.broker.dead_letters

    assert harness.refusal == ("internal", "internal_error")
    assert harness.broker.journal == ["reply", "dead letter", "ack"]
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
    async def unwritable(_request: Any, _caller: RequestContext) -> Profile:
        return PROFILE.model_copy(update={"first_name": "\ud800"})

    harness = PipelineHarness(unwritable)
    await harness.serve()

    assert harness.refusal == ("internal", "internal_error")
    assert harness.broker.journal == ["reply", "dead letter", "ack"]


@pytest.mark.parametrize("address", ["profile.create", "amq.rabbitmq.reply-to", "somebody.elses|queue"])
async def test_a_refused_reply_address_is_never_written_to(address: str) -> None:
    harness = PipelineHarness()
    await harness.serve(reply_to=address)
    [(queue, letter)] = harness.broker.dead_letters

    assert harness.broker.replies == []
    assert harness.broker.journal == ["dead letter", "ack"]
    assert (queue, letter.headers["x-error-reason"]) == ("profile.malformed.dlq", "reply_to_refused")


async def test_a_request_with_a_refused_reply_address_is_not_carried_out() -> None:
    carried_out: list[object] = []

    async def translate(request: Any, _caller: RequestContext) -> Profile:
        carried_out.append(request)
        return PROFILE

    await PipelineHarness(translate).serve(reply_to="profile.create")

    assert carried_out == []


@pytest.mark.parametrize("address", [None, ""])
async def test_nobody_is_answered_who_does_not_wait(address: str | None) -> None:
    harness = PipelineHarness()
    await harness.serve(reply_to=address)

    assert harness.broker.journal == ["ack"]


async def test_a_malformed_request_of_nobody_is_dead_lettered() -> None:
    harness = PipelineHarness()
    await harness.serve(b"junk", reply_to=None)

    assert harness.broker.journal == ["dead letter", "event", "ack"]
    assert [queue for queue, _ in harness.broker.dead_letters] == ["profile.malformed.dlq"]


async def test_a_body_that_is_too_large_is_not_held_while_it_waits() -> None:
    harness, held = PipelineHarness(), []

    async def no_capacity() -> None:
        held.append("waited")

    harness.build(replace(harness.needs, wait_capacity=no_capacity))
    message = harness.broker.deliver(b" " * 70_000)
    await harness.serve_message(message)

    assert harness.refusal == ("invalid", "message_too_large")
    assert (message.body, held) == (b"", [])


@pytest.mark.parametrize(("count", "served"), [(None, True), (0, True), (9, True), (10, False), (50, False)])
async def test_a_request_that_kills_workers_is_not_tried_for_ever(count: object, *, served: bool) -> None:
    harness = PipelineHarness()
    await harness.serve(headers={} if count is None else {"x-delivery-count": count}, redelivered=bool(count))

    assert harness.reply["ok"] is served
    assert harness.broker.journal == (["reply", "ack"] if served else ["reply", "dead letter", "ack"])


@pytest.mark.parametrize(
    ("count", "redelivered"),
    [*((count, True) for count in (CANARY, "70", b"70", "", [70], 70.5)), (70, False)],
)
async def test_a_count_of_deliveries_that_is_not_the_brokers_is_passed_over(
    count: object, *, redelivered: bool
) -> None:
    harness = PipelineHarness()
    await harness.serve(headers={"x-delivery-count": count}, redelivered=redelivered)

    assert harness.reply["ok"] is True


async def test_a_deadline_that_has_passed_is_out_of_time() -> None:
    harness = PipelineHarness()
    await harness.serve(headers={"x-deadline": int(harness.clock.time.timestamp() * 1000) - 30_001})

    assert harness.refusal == ("deadline_exceeded", "out_of_time")
    assert harness.broker.journal == ["reply", "ack"]


async def test_work_beyond_the_deadline_is_cut_off() -> None:
    ended: list[str] = []

    async def never(_request: Any, _caller: RequestContext) -> Profile:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cut off")
        return PROFILE

    harness = PipelineHarness(never)
    await harness.serve(expiration="20")

    assert harness.refusal == ("deadline_exceeded", "out_of_time")
    assert ended == ["cut off"]


async def never_ends(_request: Any, _caller: RequestContext) -> Profile:
    await asyncio.Event().wait()
    return PROFILE


async def test_our_own_limit_is_no_deadline_of_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "MAX_SECONDS", 0.02)
    harness = PipelineHarness(never_ends)
    await harness.serve()

    assert harness.refusal == ("unavailable", "service_timeout")
    assert harness.reply["error"]["retryable"] is True


async def test_a_fire_and_forget_command_outlives_our_own_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "MAX_SECONDS", 0.02)
    harness = PipelineHarness(never_ends)
    await harness.serve(**UNHEARD)

    assert harness.broker.journal == ["retry", "ack"]


@pytest.mark.parametrize("error", [WriteContention(), ServiceTimeout(), RateLimited()])
async def test_a_command_that_was_never_done_is_dead_in_the_end_and_not_gone(error: Exception) -> None:
    harness = PipelineHarness(failing(error))
    await harness.serve(headers=tried(20), **UNHEARD)

    assert harness.broker.journal == ["dead letter", "event", "ack"]


async def test_time_in_our_own_queues_is_not_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = PipelineHarness()

    class Later:
        perf_counter = staticmethod(lambda: time.perf_counter() + 3_600)

    async def no_capacity_for_long() -> None:
        monkeypatch.setattr(context, "time", Later)

    harness.build(replace(harness.needs, wait_capacity=no_capacity_for_long))
    await harness.serve(**UNHEARD)

    assert harness.broker.journal == ["ack"]


async def test_another_timeout_is_not_the_callers() -> None:
    harness = PipelineHarness(failing(TimeoutError()))
    await harness.serve()

    assert harness.refusal == ("internal", "internal_error")


async def test_the_use_case_hears_who_asks_for_what() -> None:
    heard: list[tuple[Any, RequestContext]] = []

    async def listen(request: Any, caller: RequestContext) -> Profile:
        heard.append((request, caller))
        return PROFILE

    harness = PipelineHarness(listen)
    await harness.serve(user_id="hr")
    ada, tokens = await harness.app_fixture.logged_in(ADA)
    await harness.serve(user_id="hr", headers={"authorization": f"Bearer {tokens.access_token.text}"})

    assert [caller.actor for _, caller in heard] == [TrustedService("hr"), ada]
    assert heard[0][0] == PROFILE_CREATE.request.model_validate_json(CREATE)


@pytest.mark.parametrize("error", [AMQPConnectionError("down"), TimeoutError()])
@pytest.mark.parametrize("body", [CREATE, b"junk"])
@pytest.mark.parametrize("reply_to", [REPLY_TO, None])
async def test_a_request_of_which_nothing_can_be_told_is_given_back(
    error: Exception, body: bytes, reply_to: str | None
) -> None:
    harness = PipelineHarness() if reply_to else PipelineHarness(failing(KeyError()))
    harness.broker.down = error
    await harness.serve(body, reply_to=reply_to)

    assert harness.broker.journal == ["requeue"]


async def test_a_stop_in_the_middle_leaves_the_request_on_the_queue() -> None:
    harness = PipelineHarness(failing(asyncio.CancelledError()))  # type: ignore[arg-type]

    with pytest.raises(asyncio.CancelledError):
        await harness.serve()
    assert harness.broker.journal == []


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
        await PipelineHarness(translate).serve(user_id="gateway", correlation_id="c-9")
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
        await PipelineHarness(failing(KeyError())).serve()

    assert any(line.endswith(" fail") and "test_pipeline.py:" in line for line in entries[0]["frames"])


@pytest.mark.parametrize("translate", [succeed, failing(EmailTaken(CANARY)), failing(KeyError(CANARY))])
@pytest.mark.parametrize("body", [CREATE, CREATE + b"!", CANARY.encode()])
async def test_nothing_that_was_sent_is_logged_or_dead_lettered(
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    translate: Translate,
    body: bytes,
) -> None:
    harness = PipelineHarness(translate)
    with watched(caplog) as entries:
        await harness.serve(body, headers={"authorization": f"Bearer {CANARY}"})
    told = [f"{letter.info()} {letter.body!r}" for _, letter in harness.broker.dead_letters]

    assert entries
    assert CANARY not in f"{entries} {caplog.text} {capsys.readouterr()} {told}"
    assert CANARY not in json.dumps(harness.reply)


@pytest.mark.parametrize(
    ("error", "times", "delay"),
    [
        (Unavailable(), 0, "profile.retry.5s"),
        (Unavailable(), 7, "profile.retry.300s"),
        (WriteContention(), 1, "profile.retry.30s"),
        (ZeroDivisionError(), 2, "profile.retry.300s"),
    ],
)
async def test_a_fire_and_forget_command_is_tried_again(error: Exception, times: int, delay: str) -> None:
    harness = PipelineHarness(failing(error))
    await harness.serve(headers=tried(times), **UNHEARD)
    ((queue, waits_in, message),) = harness.broker.retries

    assert harness.broker.journal == ["retry", "ack"]
    assert (queue, waits_in, message.body) == ("profile.create", delay, CREATE)
    assert (message.message_id, message.headers["x-attempt"]) == ("m-1", times + 1)
    assert message.user_id is None  # the broker would refuse it
    # But the worker that gets it knows who sent it, by our signature.
    back = harness.broker.deliver(CREATE, reply_to=None, message_id="m-1", headers=message.headers)
    assert verified_sender(back, lambda: [KEY]) == "hr"


@pytest.mark.parametrize("error", [EmailTaken(), NotAllowed()])
async def test_a_refusal_is_not_tried_again(error: Exception) -> None:
    harness = PipelineHarness(failing(error))
    await harness.serve(**UNHEARD)

    assert harness.broker.journal == ["event", "ack"]


async def test_an_unforeseen_failure_is_dead_lettered_after_a_few_tries() -> None:
    harness = PipelineHarness(failing(ZeroDivisionError()))
    await harness.serve(**UNHEARD, headers=tried(3))
    ((_, letter),) = harness.broker.dead_letters

    assert harness.broker.journal == ["dead letter", "event", "ack"]
    assert letter.headers["x-attempts"] == 4


@pytest.mark.parametrize(
    ("operation", "properties"),
    [(PROFILE_CREATE, {"message_id": "m-1"}), (AUTH_LOGIN, UNHEARD), (PROFILE_GET, UNHEARD)],
    ids=["somebody waits", "of sessions", "a query"],
)
async def test_what_somebody_waits_for_or_nobody_needs_is_not_tried_again(
    operation: Operation[Any, Any], properties: dict[str, Any]
) -> None:
    harness = PipelineHarness(failing(Unavailable()), operation)
    await harness.serve(json.dumps(operation.example[0]).encode(), **properties)

    assert harness.broker.retries == []
    assert harness.broker.journal[-1] == "ack"


async def test_a_request_that_kills_workers_is_not_tried_again() -> None:
    harness = PipelineHarness()
    await harness.serve(headers={"x-delivery-count": 10}, redelivered=True, **UNHEARD)

    assert harness.broker.journal == ["dead letter", "event", "ack"]


async def test_a_retry_does_not_add_to_what_clocks_may_be_apart() -> None:
    harness = PipelineHarness(failing(Unavailable()))
    deadline = int(harness.clock.now().timestamp() * 1000)
    harness.clock.advance(seconds=29)
    await harness.serve(headers={"x-deadline": deadline}, **UNHEARD)
    ((_, _, message),) = harness.broker.retries

    assert message.headers["x-deadline"] == deadline


async def test_a_time_limit_counts_from_the_first_time() -> None:
    harness = PipelineHarness(failing(Unavailable()))
    await harness.serve(expiration="2000", **UNHEARD)
    ((_, _, message),) = harness.broker.retries

    deadline = int(harness.clock.now().timestamp() * 1000) + 2000
    assert message.headers["x-deadline"] == pytest.approx(deadline, abs=200)  # what was spent on it is gone
    harness.clock.advance(seconds=33)  # by any clock
    await harness.serve(headers=message.headers, **UNHEARD)
    assert len(harness.broker.retries) == 1  # it is too late


async def test_a_retry_and_the_event_of_a_failure_stay_in_the_trace_of_the_command() -> None:
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for error in (Unavailable(), EmailTaken()):
        harness = PipelineHarness(failing(error))
        harness.build(replace(harness.needs, trace=Trace(TracerProvider().get_tracer("test"))))
        await harness.serve(**UNHEARD, headers={"traceparent": caller})
        sent = [*(each for *_, each in harness.broker.retries), *(each for _, each in harness.broker.events)]

        assert [str(each.headers["traceparent"])[:36] for each in sent] == [caller[:36]]
        assert sent[0].headers["traceparent"] != caller
