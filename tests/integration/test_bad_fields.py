"""Fields that no request has, and values that no field takes."""

import asyncio
from uuid import uuid4

import pytest

from tests.integration.broker import Broker
from tests.integration.dead_lettering import is_malformed
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal
from tests.integration.requests import (
    FIELDS,
    INTEGERS,
    OPERATIONS,
    OPERATORS,
    STRINGS,
    a_request,
    of_wrong_type,
)

every_operation = pytest.mark.parametrize("operation", OPERATIONS)
every_field = pytest.mark.parametrize(("operation", "field"), FIELDS)


@every_operation
async def test_unknown_fields_are_refused_and_named(gateway: Gateway, broker: Broker, operation: str) -> None:
    for name in ("created_at", "updated_at", "deleted_at", "oid", "version", "hashed_password", "surprise"):
        body = a_request(operation, **{name: {}})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": name, "reason": "unknown_field"}]


@every_operation
async def test_names_that_look_like_values_are_not_repeated(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for name in ("$where", "hunter2", "Ada Lovelace", "x" * 31, "", "\u00e9"):
        body = a_request(operation, **{name: 1})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": "?", "reason": "unknown_field"}]


@every_operation
async def test_a_request_of_another_operation_is_refused(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    other = "auth.login" if operation != "auth.login" else "profile.create"

    await is_malformed(gateway, broker, operation, a_request(other), "malformed_request")


@pytest.mark.parametrize(
    ("operation", "field"), [each for each in FIELDS if each[1] in a_request(each[0]) and each[1] != "role"]
)
async def test_missing_fields_are_refused_and_named(
    gateway: Gateway, broker: Broker, operation: str, field: str
) -> None:
    body = a_request(operation)
    del body[field]
    if (operation, field) in {("profile.update", "first_name"), ("post.update", "title")}:
        reply = await gateway.ask(operation, body)

        assert refusal(reply) == ("unauthenticated", "missing_token")  # well-formed: it names an id
        return
    error = await is_malformed(gateway, broker, operation, body, "malformed_request")

    assert error["details"] == [{"field": field, "reason": "missing"}]


@every_field
async def test_values_of_a_wrong_type_are_refused_and_their_field_is_named(
    gateway: Gateway, broker: Broker, operation: str, field: str
) -> None:
    await _are_refused(gateway, broker, operation, field, (None, *of_wrong_type(operation, field)))


@every_field
async def test_operators_of_mongodb_are_no_values(
    gateway: Gateway, broker: Broker, operation: str, field: str
) -> None:
    await _are_refused(gateway, broker, operation, field, OPERATORS)


@pytest.mark.parametrize(
    ("operation", "field"), [(operation, field) for operation, fields in INTEGERS.items() for field in fields]
)
async def test_numbers_are_bounded(gateway: Gateway, broker: Broker, operation: str, field: str) -> None:
    for number, reason in (
        (0, "too_small"),
        (-1, "too_small"),
        (101 if field == "limit" else 2**53, "too_large"),
        (10**400, "too_large"),
    ):
        body = a_request(operation, **{field: number})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": field, "reason": reason}]


@pytest.mark.parametrize(
    ("operation", "field"), [(operation, "id") for operation in OPERATIONS if "id" in STRINGS[operation]]
)
async def test_an_id_is_a_uuid(gateway: Gateway, broker: Broker, operation: str, field: str) -> None:
    for value in ("", "1", "0" * 24, "$ne", f"{uuid4()}\0", f" {uuid4()}", "../" + str(uuid4())):
        body = a_request(operation, **{field: value})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": "id", "reason": "not_a_uuid"}]


@pytest.mark.parametrize(
    ("operation", "field"), [each for each in FIELDS if each[1] not in ("id", "expected_version", "limit")]
)
async def test_nul_is_refused_in_every_string(gateway: Gateway, operation: str, field: str) -> None:
    body = a_request(operation, **{field: "Ada\0Lovelace"})
    reply = await gateway.ask(operation, body)

    if operation == "auth.verify":
        assert reply == {"ok": True, "result": {"active": False}}
        return

    expected = {
        ("profile.create", "email"): ("invalid", "email_malformed"),
        ("profile.update", "email"): ("invalid", "email_malformed"),
        ("profile.create", "password"): ("invalid", "password_malformed"),
        ("auth.login", "email"): ("unauthenticated", "invalid_credentials"),
        ("auth.login", "password"): ("unauthenticated", "invalid_credentials"),
        # Who asks is not known, and hears no more than that.
        ("profile.update", "current_password"): ("unauthenticated", "missing_token"),
        ("profile.list", "cursor"): ("unauthenticated", "missing_token"),
        ("post.list", "cursor"): ("invalid", "cursor_invalid"),
        ("auth.change_password", "current_password"): ("unauthenticated", "missing_token"),
        ("auth.change_password", "new_password"): ("unauthenticated", "missing_token"),
        ("auth.refresh", "refresh_token"): ("unauthenticated", "refresh_token_invalid"),
    }

    assert refusal(reply) == expected.get((operation, field), ("invalid", "malformed_request"))


async def _are_refused(
    gateway: Gateway, broker: Broker, operation: str, field: str, values: tuple[object, ...]
) -> None:
    bodies = [a_request(operation, **{field: value}) for value in values]
    errors = await asyncio.gather(
        *(is_malformed(gateway, broker, operation, body, "malformed_request") for body in bodies)
    )

    assert all({each["field"] for each in error["details"]} == {field} for error in errors)
