"""Properties and headers that make no sense: each request gets exactly one reply all the same."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.broker import Broker
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal, result
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.set_aside import is_malformed

every_operation = pytest.mark.parametrize("operation", OPERATIONS)

ODD: dict[str, Any] = {
    "int": 7,
    "float": 1.5,
    "bool": True,
    "bytes": bytearray(b"\xff\xfe"),
    "list": [1, "Bearer", {"a": [None]}],
    "table": {"Bearer": {"$ne": None}},
    "time": datetime(2020, 1, 1, tzinfo=UTC),
    "decimal": Decimal("1.5"),
    "empty": "",
    "words": "not what belongs here",
    "huge": "x" * 10_000,
}
every_odd_value = pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())


@every_operation
async def test_a_content_type_that_is_not_json_is_refused(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for content_type in ("text/plain", "application/octet-stream", "application/jsonx", "json", "\u00e9"):
        await is_malformed(
            gateway,
            broker,
            operation,
            a_request(operation),
            "unsupported_content_type",
            content_type=content_type,
        )


@every_operation
async def test_any_json_content_type_is_accepted_and_so_is_none(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for content_type in (
        None,
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        'application/problem+json; profile="x"',
    ):
        # A field that nobody knows shows that the body was read.
        body = a_request(operation, surprise=1)
        await is_malformed(gateway, broker, operation, body, "malformed_request", content_type=content_type)


@every_operation
@every_odd_value
async def test_an_authorization_that_is_no_bearer_token_is_a_dead_token(
    service: Gateway, operation: str, value: object
) -> None:
    correlation_id = uuid4().hex
    headers = {"authorization": value}
    reply = await service.ask(operation, a_request(operation), headers=headers, correlation_id=correlation_id)

    if operation in ("profile.create", "auth.verify", "auth.keys", "post.list"):
        assert result(reply)
    elif operation == "auth.refresh":
        assert refusal(reply) == ("unauthenticated", "refresh_token_invalid")
    elif operation == "auth.login":
        assert refusal(reply) == ("unauthenticated", "invalid_credentials")
    elif operation == "post.get":  # everybody may, so it does not matter who asks
        assert refusal(reply) == ("not_found", "post_not_found")
    else:
        assert refusal(reply) == ("unauthenticated", "token_invalid")
    assert service.replies_to(correlation_id) == 1


@every_operation
@every_odd_value
async def test_headers_of_odd_types_do_not_matter(gateway: Gateway, operation: str, value: object) -> None:
    names = ["x-death", "traceparent", "baggage", "content-type", "x-anything"]
    if not isinstance(value, int | float | Decimal):  # with these, a deadline and a count make sense
        names += ["x-deadline", "x-delivery-count"]
    plain = await gateway.ask(operation, a_request(operation))
    odd = await gateway.ask(operation, a_request(operation), headers=dict.fromkeys(names, value))

    assert odd["ok"] is plain["ok"]
    assert odd.get("error") == plain.get("error")


@every_operation
@pytest.mark.parametrize("deadline", [0, 1, -1, "1", "1e3", "-inf", 1.5, 1_600_000_000_000, "just now"])
async def test_a_deadline_that_is_over_is_said_and_nothing_is_done(
    gateway: Gateway, operation: str, deadline: object
) -> None:
    moment = int(time.time() * 1000) - 31_000 if deadline == "just now" else deadline  # by any clock
    correlation_id = uuid4().hex
    body = a_request(operation)
    reply = await gateway.ask(operation, body, headers={"x-deadline": moment}, correlation_id=correlation_id)

    assert refusal(reply) == ("deadline_exceeded", "out_of_time")
    assert reply["error"]["retryable"] is True
    assert gateway.replies_to(correlation_id) == 1
    if operation == "profile.create":
        login = {"email": body["email"], "password": body["password"]}

        assert refusal(await gateway.ask("auth.login", login)) == ("unauthenticated", "invalid_credentials")


@every_operation
async def test_a_deadline_in_time_is_kept(gateway: Gateway, operation: str) -> None:
    moment = int(time.time() * 1000) + 10_000
    for deadline in (moment, str(moment), 2**62):
        reply = await gateway.ask(
            operation, a_request(operation), headers={"x-deadline": deadline}, expiration=10
        )

        assert reply["ok"] or reply["error"]["code"] != "deadline_exceeded"
