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
from service.infrastructure.inputports.amqp.outgoing import (
    dead_letter_message,
    failure_headers,
    reply_message,
)
from tests.builders import NOON
from tests.fakes.broker import message

ID = str(uuid4())
ERROR = ErrorBody(code=ErrorCode.INTERNAL, reason="internal_error", message="Failed.", retryable=True)


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
    assert reply_message(message(**properties), "profile.get", b"{}").correlation_id == expected


def test_a_reply_says_what_it_is() -> None:
    reply = reply_message(message(), "profile.get", b'{"ok":true}')

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
    kept = json.loads(dead_letter_message(message(), None, request, {}).body)

    assert kept == {name: example[name] for name in ("id", "expected_version") if name in example}


def test_a_dead_letter_keeps_neither_token_nor_user_nor_secret() -> None:
    secrets = {"email": "canary@example.org", "current_password": "canary", "first_name": "canary"}
    request = PROFILE_UPDATE.request.model_validate_json(json.dumps(PROFILE_UPDATE.example[0] | secrets))
    asked = message(headers={"authorization": "Bearer canary"}, user_id="canary")
    letter = dead_letter_message(asked, None, request, {"x-error-code": "internal"})

    assert "canary" not in f"{letter.info()} {letter.body!r}"
    assert letter.headers == {"x-error-code": "internal", "x-replayable": False}


def test_a_dead_letter_without_ids_is_empty() -> None:
    request = PROFILE_CREATE.request.model_validate_json(json.dumps(PROFILE_CREATE.example[0]))

    assert dead_letter_message(message(), None, request, {}).body == b"{}"
    assert dead_letter_message(message(), None, None, {}).body == b"{}"


def test_a_version_that_was_not_sent_is_not_kept() -> None:
    profile_id = str(uuid4())
    request = PROFILE_UPDATE.request.model_validate_json(json.dumps({"id": profile_id, "first_name": "A"}))

    assert json.loads(dead_letter_message(message(), None, request, {}).body) == {"id": profile_id}


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

    assert dead_letter_message(message(), None, request, {}).headers["x-replayable"] is whole


def test_what_could_not_be_read_cannot_be_sent_again() -> None:
    assert dead_letter_message(message(), None, None, {}).headers["x-replayable"] is False


def test_a_dead_letter_survives_a_restart_and_can_be_found() -> None:
    letter = dead_letter_message(message(message_id="m-1"), "m-1", None, {})

    assert letter.delivery_mode is DeliveryMode.PERSISTENT
    assert (letter.message_id, letter.correlation_id) == ("m-1", "c-1")


def test_its_headers_say_why_when_and_whence() -> None:
    headers = failure_headers(ERROR, KeyError(), "profile.get", NOON + timedelta(milliseconds=7), 2)

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
    letter = dead_letter_message(message(headers={"traceparent": sent}), None, None, {})

    assert letter.headers.get("traceparent") == kept
