"""Bodies that are no requests: each gets exactly one reply, and what is malformed is set aside.

Over AMQP it is as in the decoder's unit tests, which try every body on every operation.
"""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.bad_input import NO_JSON, NO_OBJECT, OF_EACH_KIND
from tests.integration.broker import Broker
from tests.integration.dead_lettering import is_malformed
from tests.integration.gateway import Gateway
from tests.integration.requests import OPERATIONS, PASSWORD, a_request

every_operation = pytest.mark.parametrize("operation", OPERATIONS)

of_each_kind = pytest.mark.parametrize("operation", OF_EACH_KIND)


@every_operation
async def test_words_are_answered_once_and_dead_lettered(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    await is_malformed(gateway, broker, operation, NO_JSON["words"], "malformed_json")


@of_each_kind
@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
async def test_what_is_no_json_is_answered_once_and_dead_lettered(
    gateway: Gateway, broker: Broker, operation: str, body: bytes
) -> None:
    await is_malformed(gateway, broker, operation, body, "malformed_json")


@of_each_kind
@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT.keys())
async def test_what_is_no_object_is_answered_once_and_dead_lettered(
    gateway: Gateway, broker: Broker, operation: str, body: bytes
) -> None:
    await is_malformed(gateway, broker, operation, body, "malformed_request")


@of_each_kind
async def test_65_kib_are_too_large_and_64_are_not(gateway: Gateway, broker: Broker, operation: str) -> None:
    request = json.dumps(a_request(operation, surprise=1)).encode()
    await is_malformed(gateway, broker, operation, request.ljust(65 * 1024), "message_too_large")
    await is_malformed(gateway, broker, operation, request.ljust(64 * 1024 + 1), "message_too_large")
    await is_malformed(gateway, broker, operation, request.ljust(64 * 1024), "malformed_request")


async def test_business_refusals_are_not_dead_lettered(gateway: Gateway, broker: Broker) -> None:
    refused: dict[str, tuple[dict[str, Any], ...]] = {
        "profile.create": (
            {"password": "short"},
            {"password": "x" * 73},
            {"email": "none"},
            {"role": "admin"},
        ),
        "profile.get": ({},),
        "profile.update": ({}, {"email": "none"}),
        "profile.delete": ({}, {"expected_version": 7}),
        "auth.login": ({"password": "x" * 73}, {"password": PASSWORD}, {"email": "none"}),
        "post.create": ({},),
        "post.get": ({},),
        "post.update": ({}, {"expected_version": 7}),
        "post.delete": ({}, {"expected_version": 7}),
        "post.list": ({"cursor": "none"},),
    }
    for operation, changes in refused.items():
        before = {each.correlation_id for each in await broker.dead_letters(operation)}
        for change in changes:
            assert (await gateway.ask(operation, a_request(operation, **change)))["ok"] is False

        # A dead letter comes after the reply; once this one is there, the others would be.
        last = uuid4().hex
        await gateway.tell(operation, b"the last one", correlation_id=last)
        await broker.dead_letter("profile.malformed", last)

        assert {each.correlation_id for each in await broker.dead_letters(operation)} == before
