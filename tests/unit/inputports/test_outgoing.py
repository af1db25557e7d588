import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aio_pika import DeliveryMode

from profile_contracts.operations import (
    AUTH_KEYS,
    OPERATIONS,
    PROFILE_CREATE,
    PROFILE_DELETE,
    PROFILE_UPDATE,
    Operation,
)
from profile_contracts.replies import ErrorBody, ErrorCode
from service.infrastructure.inputports.outgoing import (
    ReplyAddresses,
    dead_letter,
    failure_headers,
    reply_to,
)
from tests.builders import NOON
from tests.fakes.broker import REPLY_TO, message

ID = str(uuid4())
ERROR = ErrorBody(code=ErrorCode.INTERNAL, reason="internal_error", message="Failed.", retryable=True)


@pytest.mark.parametrize(
    "queue",
    [
        REPLY_TO,
        "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxNDc1NTkzOQAACDkAAAAAZz6z9w==.nIVZ4+/_x==",
        "amq.gen-JzTY20BRgKO-HjmUJj0wLg",
    ],
)
def test_queues_that_the_broker_named_are_written_to(queue: str) -> None:
    assert ReplyAddresses().allow(queue)


@pytest.mark.parametrize(
    "queue",
    [
        "",
        "profile.create",
        "profile.create.dlq",
        "gateway.replies",
        "amq.rabbitmq.reply-to",
        "amq.rabbitmq.reply-to.",
        "amq.rabbitmq.reply-to.a|b",
        "amq.rabbitmq.trace",
        "amq.gen-",
        "amq.gen",
        "amq.direct",
        "x amq.gen-a",
        "amq.gen-a b",
        "amq.gen-a\n",
        "\namq.gen-a",
        "amq.gen-a\0",
        "amq.gen-\u00e9",
        "AMQ.GEN-a",
        "amqXgen-a",
        "amq.rabbitmqXreply-to.a",
    ],
)
def test_no_other_queue_is_written_to(queue: str) -> None:
    assert not ReplyAddresses().allow(queue)


def test_prefixes_open_further_queues() -> None:
    addresses = ReplyAddresses(("gateway.replies.", "bff."))

    assert addresses.allow("gateway.replies.1")
    assert addresses.allow("bff.x")
    assert addresses.allow("amq.gen-a")
    assert not any(
        addresses.allow(each) for each in ("", "gateway.replies", "xbff.x", "Bff.x", "profile.get")
    )


@pytest.mark.parametrize(
    ("queue", "user", "allowed"),
    [
        ("gateway.replies", "gateway", True),
        ("gateway.", "gateway", True),
        ("gateway.replies", None, False),
        ("gateway.replies", "", False),
        ("gateway.replies", "hr", False),
        ("gatewayreplies", "gateway", False),
        ("profile.create", "profile", False),
        ("auth.login", "auth", False),
        ("amq.rabbitmq.trace", "amq", False),
    ],
)
def test_a_user_opens_the_queues_of_that_name_unless_they_are_ours(
    queue: str, user: str | None, *, allowed: bool
) -> None:
    assert ReplyAddresses().allow(queue, user) is allowed


def test_no_prefix_opens_our_own_queues() -> None:
    assert not ReplyAddresses(("profile.", "a", "")).allow("profile.create")
    assert not ReplyAddresses(("profile.", "a", "")).allow("auth.login")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"correlation_id": "c", "message_id": "m"}, "c"),
        ({"correlation_id": None, "message_id": "m"}, "m"),
        ({"correlation_id": None}, None),
    ],
)
def test_a_reply_echoes_the_correlation_id_or_the_message_id(
    properties: dict[str, str | None], expected: str | None
) -> None:
    assert reply_to(message(**properties), "profile.get", b"{}").correlation_id == expected


def test_a_reply_says_what_it_is() -> None:
    reply = reply_to(message(), "profile.get", b'{"ok":true}')

    assert (reply.body, reply.content_type, reply.type, reply.app_id) == (
        b'{"ok":true}',
        "application/json",
        "profile.get.reply",
        "profile-service",
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
def test_a_dead_letter_keeps_ids_only(operation: Operation[Any, Any]) -> None:
    example = operation.example[0]
    request = operation.request.model_validate_json(json.dumps(example))
    kept = json.loads(dead_letter(message(), None, request, {}).body)

    assert kept == {name: example[name] for name in ("id", "expected_version") if name in example}


def test_a_dead_letter_keeps_neither_token_nor_user_nor_secret() -> None:
    secrets = {"email": "canary@example.org", "current_password": "canary", "first_name": "canary"}
    request = PROFILE_UPDATE.request.model_validate_json(json.dumps(PROFILE_UPDATE.example[0] | secrets))
    asked = message(headers={"authorization": "Bearer canary"}, user_id="canary")
    letter = dead_letter(asked, None, request, {"x-error-code": "internal"})

    assert "canary" not in f"{letter.info()} {letter.body!r}"
    assert letter.headers == {"x-error-code": "internal", "x-replayable": False}


def test_a_dead_letter_without_ids_is_empty() -> None:
    request = PROFILE_CREATE.request.model_validate_json(json.dumps(PROFILE_CREATE.example[0]))

    assert dead_letter(message(), None, request, {}).body == b"{}"
    assert dead_letter(message(), None, None, {}).body == b"{}"


def test_a_version_that_was_not_sent_is_not_kept() -> None:
    profile_id = str(uuid4())
    request = PROFILE_UPDATE.request.model_validate_json(json.dumps({"id": profile_id, "first_name": "A"}))

    assert json.loads(dead_letter(message(), None, request, {}).body) == {"id": profile_id}


@pytest.mark.parametrize(
    ("operation", "asked", "whole"),
    [
        (PROFILE_DELETE, {"id": ID}, True),
        (PROFILE_DELETE, {"id": ID, "expected_version": 2}, True),
        (PROFILE_UPDATE, {"id": ID, "first_name": "A"}, False),
        (PROFILE_CREATE, PROFILE_CREATE.example[0], False),
        (AUTH_KEYS, {}, True),
    ],
)
def test_a_dead_letter_says_whether_it_holds_all_that_was_asked(
    operation: Operation[Any, Any], asked: dict[str, Any], *, whole: bool
) -> None:
    request = operation.request.model_validate_json(json.dumps(asked))

    assert dead_letter(message(), None, request, {}).headers["x-replayable"] is whole


def test_what_could_not_be_read_cannot_be_sent_again() -> None:
    assert dead_letter(message(), None, None, {}).headers["x-replayable"] is False


def test_a_dead_letter_survives_a_restart_and_can_be_found() -> None:
    letter = dead_letter(message(message_id="m-1"), "m-1", None, {})

    assert letter.delivery_mode is DeliveryMode.PERSISTENT
    assert (letter.message_id, letter.correlation_id) == ("m-1", "c-1")


def test_its_headers_say_why_when_and_whence() -> None:
    headers = failure_headers(ERROR, "KeyError", "profile.get", NOON + timedelta(milliseconds=7), 2)

    assert headers == {
        "x-error-code": "internal",
        "x-error-reason": "internal_error",
        "x-error-type": "KeyError",
        "x-failed-at": "2026-11-22T12:00:00.007+00:00",
        "x-original-queue": "profile.get",
        "x-attempts": 2,
    }


TRACE = f"00-{'4bf92f3577b34da6a3ce929d0e0e4736'}-{'00f067aa0ba902b7'}-01"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(TRACE, TRACE), (TRACE.upper(), None), (f"{TRACE} secret", None), (b"x", None), (1, None)],
)
def test_a_letter_keeps_a_trace_and_nothing_that_only_claims_to_be_one(sent: object, kept: object) -> None:
    letter = dead_letter(message(headers={"traceparent": sent}), None, None, {})

    assert letter.headers.get("traceparent") == kept
