"""Bodies that are no requests: each gets exactly one reply, and what is malformed is set aside."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.broker import Broker
from tests.integration.gateway import Gateway
from tests.integration.requests import OPERATIONS, PASSWORD, a_request
from tests.integration.set_aside import is_malformed

every_operation = pytest.mark.parametrize("operation", OPERATIONS)

DEEP = 10_000
NO_JSON = {
    "nothing": b"",
    "bytes": b"\xff\xfe\x00\x80",
    "words": b"this is no JSON",
    "a part": b'{"id": "',
    "two": b"{}{}",
    "single quotes": b"{'id': 1}",
    "broken UTF-8": b'{"id": "\xc3\x28"}',
    "UTF-16": '{"id": "1"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": rb'{"id": "\ud800"}',
    "a lone surrogate for a name": rb'{"\udfff": 1}',
    "a surrogate in bytes": b'{"id": "\xed\xa0\x80"}',
    "a raw NUL": b'{"id": "\0"}',
    "deep arrays": b"[" * DEEP,
    "deep objects": b'{"id":' * DEEP,
    "a deep value": b'{"id":' + b"[" * DEEP + b"]" * DEEP + b"}",
}
NO_OBJECT = {"array": b'[{"id": 1}]', "string": b'"id"', "number": b"1", "null": b"null", "true": b"true"}


async def test_what_is_no_json_is_answered_once_and_set_aside(
    gateway: Gateway, broker: Broker, operation: str, body: bytes
) -> None:
    await is_malformed(gateway, broker, operation, body, "malformed_json")


async def test_what_is_no_object_is_answered_once_and_set_aside(
    gateway: Gateway, broker: Broker, operation: str, body: bytes
) -> None:
    await is_malformed(gateway, broker, operation, body, "malformed_request")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try every body on every operation."""
    if "body" in metafunc.fixturenames:
        bodies = NO_JSON if "json" in metafunc.function.__name__ else NO_OBJECT
        metafunc.parametrize("body", bodies.values(), ids=bodies.keys())
        metafunc.parametrize("operation", OPERATIONS)


@every_operation
async def test_65_kib_are_too_large_and_64_are_not(gateway: Gateway, broker: Broker, operation: str) -> None:
    request = json.dumps(a_request(operation, surprise=1)).encode()
    await is_malformed(gateway, broker, operation, request.ljust(65 * 1024), "message_too_large")
    await is_malformed(gateway, broker, operation, request.ljust(64 * 1024 + 1), "message_too_large")
    await is_malformed(gateway, broker, operation, request.ljust(64 * 1024), "malformed_request")


async def test_business_refusals_are_not_set_aside(gateway: Gateway, broker: Broker) -> None:
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
