"""Fields that no request has, and values that no field takes: over AMQP as in the unit tests."""

import asyncio

import pytest

from tests.bad_input import (
    FIELDS,
    IDS,
    NO_NUL,
    NO_UUIDS,
    NUMBERS,
    OF_EACH_KIND,
    UNKNOWN_FIELDS,
    UNREPEATABLE_FIELDS,
    of_wrong_type,
    out_of_bounds,
)
from tests.integration.broker import Broker
from tests.integration.dead_lettering import is_malformed
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal
from tests.integration.requests import OPERATIONS, a_request

of_each_kind = pytest.mark.parametrize("operation", OF_EACH_KIND)
every_operation = pytest.mark.parametrize("operation", OPERATIONS)


@every_operation
async def test_an_unknown_field_is_refused_and_named(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    error = await is_malformed(
        gateway, broker, operation, a_request(operation, surprise={}), "malformed_request"
    )

    assert error["details"] == [{"field": "surprise", "reason": "unknown_field"}]


@of_each_kind
async def test_no_field_that_the_service_sets_is_taken(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for name in UNKNOWN_FIELDS:
        body = a_request(operation, **{name: {}})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": name, "reason": "unknown_field"}]


@of_each_kind
async def test_names_that_look_like_values_are_not_repeated(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    for name in UNREPEATABLE_FIELDS:
        body = a_request(operation, **{name: 1})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": "?", "reason": "unknown_field"}]


@every_operation
async def test_a_request_of_another_operation_is_refused(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    other = "auth.login" if operation != "auth.login" else "profile.create"

    await is_malformed(gateway, broker, operation, a_request(other), "malformed_request")


@of_each_kind
async def test_an_id_that_is_missing_is_named(gateway: Gateway, broker: Broker, operation: str) -> None:
    body = a_request(operation)
    del body["id"]
    error = await is_malformed(gateway, broker, operation, body, "malformed_request")

    assert error["details"] == [{"field": "id", "reason": "missing"}]


async def test_an_update_that_changes_nothing_is_well_formed(gateway: Gateway) -> None:
    for operation, field in (("profile.update", "first_name"), ("post.update", "title")):
        body = a_request(operation)
        del body[field]

        assert refusal(await gateway.ask(operation, body)) == ("unauthenticated", "missing_token")


@pytest.mark.parametrize(("operation", "field"), [each for each in FIELDS if each[0] in OF_EACH_KIND])
async def test_values_of_a_wrong_type_are_refused_and_their_field_is_named(
    gateway: Gateway, broker: Broker, operation: str, field: str
) -> None:
    bodies = [a_request(operation, **{field: value}) for value in of_wrong_type(field)]
    errors = await asyncio.gather(
        *(is_malformed(gateway, broker, operation, body, "malformed_request") for body in bodies)
    )

    assert all({each["field"] for each in error["details"]} == {field} for error in errors)


@pytest.mark.parametrize(("operation", "field"), [each for each in NUMBERS if each[0] in OF_EACH_KIND])
async def test_numbers_are_bounded(gateway: Gateway, broker: Broker, operation: str, field: str) -> None:
    for number, reason in out_of_bounds(field).items():
        body = a_request(operation, **{field: number})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": field, "reason": reason}]


@pytest.mark.parametrize(("operation", "field"), [each for each in IDS if each[0] in OF_EACH_KIND])
async def test_an_id_is_a_uuid(gateway: Gateway, broker: Broker, operation: str, field: str) -> None:
    for value in NO_UUIDS:
        body = a_request(operation, **{field: value})
        error = await is_malformed(gateway, broker, operation, body, "malformed_request")

        assert error["details"] == [{"field": "id", "reason": "not_a_uuid"}]


@pytest.mark.parametrize(("operation", "field"), [each for each in NO_NUL if each[0] in OF_EACH_KIND])
async def test_nul_is_refused_in_every_string(gateway: Gateway, operation: str, field: str) -> None:
    reply = await gateway.ask(operation, a_request(operation, **{field: "Ada\0Lovelace"}))

    assert refusal(reply) == NO_NUL[operation, field]
