"""Properties and headers that make no sense: each request gets exactly one reply all the same.

Over AMQP it is as in the unit tests, which try every value on every operation.
"""

import time
from uuid import uuid4

import pytest

from tests.bad_input import (
    HEARD_WITH_A_DEAD_TOKEN,
    JSON_TYPES,
    NO_JSON_TYPES,
    NUMERIC,
    ODD_VALUES,
    OF_EACH_KIND,
    PAST_DEADLINES,
)
from tests.integration.broker import Broker
from tests.integration.dead_lettering import is_malformed
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal, result
from tests.integration.requests import OPERATIONS, a_request

of_each_kind = pytest.mark.parametrize("operation", OF_EACH_KIND)
every_operation = pytest.mark.parametrize("operation", OPERATIONS)
every_odd_value = pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES.keys())


@every_operation
async def test_plain_text_is_refused(gateway: Gateway, broker: Broker, operation: str) -> None:
    body, reason = a_request(operation), "unsupported_content_type"
    await is_malformed(gateway, broker, operation, body, reason, content_type="text/plain")


@of_each_kind
async def test_a_content_type_that_is_not_json_is_refused(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for content_type in NO_JSON_TYPES:
        body, reason = a_request(operation), "unsupported_content_type"
        await is_malformed(gateway, broker, operation, body, reason, content_type=content_type)


@of_each_kind
async def test_any_json_content_type_is_accepted_and_so_is_none(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for content_type in JSON_TYPES:
        # A field that nobody knows shows that the body was read.
        body = a_request(operation, surprise=1)
        await is_malformed(gateway, broker, operation, body, "malformed_request", content_type=content_type)


async def hears_that_the_token_is_dead(service: Gateway, operation: str, value: object) -> None:
    """Send a request with *value* in place of a token; expect what the table says, once."""
    correlation_id = uuid4().hex
    headers = {"authorization": value}
    reply = await service.ask(operation, a_request(operation), headers=headers, correlation_id=correlation_id)

    if (expected := HEARD_WITH_A_DEAD_TOKEN[operation]) is None:
        assert result(reply)
    else:
        assert refusal(reply) == expected
    assert service.replies_to(correlation_id) == 1


@every_operation
async def test_words_in_place_of_a_token_are_a_dead_token(service: Gateway, operation: str) -> None:
    await hears_that_the_token_is_dead(service, operation, ODD_VALUES["words"])


@of_each_kind
@every_odd_value
async def test_an_authorization_that_is_no_bearer_token_is_a_dead_token(
    service: Gateway, operation: str, value: object
) -> None:
    await hears_that_the_token_is_dead(service, operation, value)


async def passes_over(gateway: Gateway, operation: str, value: object) -> None:
    """Send a request with *value* in headers that do not matter; expect the usual reply."""
    names = ["x-death", "traceparent", "baggage", "content-type", "x-anything"]
    if not isinstance(value, NUMERIC):
        names += ["x-deadline", "x-delivery-count"]
    plain = await gateway.ask(operation, a_request(operation))
    odd = await gateway.ask(operation, a_request(operation), headers=dict.fromkeys(names, value))

    assert odd["ok"] is plain["ok"]
    assert odd.get("error") == plain.get("error")


@every_operation
async def test_tables_in_headers_do_not_matter(gateway: Gateway, operation: str) -> None:
    await passes_over(gateway, operation, ODD_VALUES["table"])


@of_each_kind
@every_odd_value
async def test_headers_of_odd_types_do_not_matter(gateway: Gateway, operation: str, value: object) -> None:
    await passes_over(gateway, operation, value)


async def is_too_late(gateway: Gateway, operation: str, deadline: object) -> None:
    """Send a request with this *deadline*; expect that it is over, and that nothing is done."""
    correlation_id, body = uuid4().hex, a_request(operation)
    headers = {"x-deadline": deadline}
    reply = await gateway.ask(operation, body, headers=headers, correlation_id=correlation_id)

    assert refusal(reply) == ("deadline_exceeded", "out_of_time")
    assert reply["error"]["retryable"] is True
    assert gateway.replies_to(correlation_id) == 1
    if operation == "profile.create":
        login = {"email": body["email"], "password": body["password"]}

        assert refusal(await gateway.ask("auth.login", login)) == ("unauthenticated", "invalid_credentials")


@every_operation
async def test_a_deadline_that_is_just_over_by_any_clock_is_said_and_nothing_is_done(
    gateway: Gateway, operation: str
) -> None:
    await is_too_late(gateway, operation, int(time.time() * 1000) - 30_001)


@of_each_kind
@pytest.mark.parametrize("deadline", PAST_DEADLINES)
async def test_a_deadline_that_is_over_is_said_and_nothing_is_done(
    gateway: Gateway, operation: str, deadline: object
) -> None:
    await is_too_late(gateway, operation, deadline)


@every_operation
async def test_a_deadline_in_time_is_kept(gateway: Gateway, operation: str) -> None:
    moment = int(time.time() * 1000) + 10_000
    for deadline in (moment, str(moment), 2**62):
        reply = await gateway.ask(
            operation, a_request(operation), headers={"x-deadline": deadline}, expiration=10
        )

        assert reply["ok"] or reply["error"]["code"] != "deadline_exceeded"
