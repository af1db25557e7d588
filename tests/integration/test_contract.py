"""What holds for every operation: the envelope, the properties of replies, and the ways to publish."""

import asyncio
import json
import re
from typing import Any
from uuid import uuid4

import pytest

from profile_contracts.operations import OPERATIONS as TABLE
from tests.builders import an_address
from tests.integration.broker import Broker
from tests.integration.conftest import LIFETIME, Person, SignUp
from tests.integration.gateway import Gateway, eventually
from tests.integration.requests import OPERATIONS, PASSWORD, a_request

every_operation = pytest.mark.parametrize("operation", OPERATIONS)
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def test_every_operation_of_the_contract_is_tried_here() -> None:
    assert [each.queue for each in TABLE] == list(OPERATIONS)


@every_operation
async def test_a_reply_says_what_it_is_and_whose(gateway: Gateway, operation: str) -> None:
    reply = await gateway.ask_raw(operation, a_request(operation), correlation_id="one of mine")

    assert reply.content_type == "application/json"
    assert reply.type == f"{operation}.reply"
    assert reply.app_id == "profile-service"
    assert reply.correlation_id == "one of mine"
    assert isinstance(json.loads(reply.body)["ok"], bool)


@every_operation
async def test_the_message_id_stands_in_for_a_missing_correlation_id(
    gateway: Gateway, operation: str
) -> None:
    message_id = uuid4().hex
    reply = await gateway.ask_raw(operation, a_request(operation), correlation_id=None, message_id=message_id)

    assert reply.correlation_id == message_id


@every_operation
async def test_the_correlation_id_goes_before_the_message_id(gateway: Gateway, operation: str) -> None:
    correlation_id, message_id = uuid4().hex, uuid4().hex
    reply = await gateway.ask_raw(
        operation, a_request(operation), correlation_id=correlation_id, message_id=message_id
    )

    assert reply.correlation_id == correlation_id
    assert gateway.replies_to(message_id) == 0


@every_operation
async def test_a_reply_without_any_id_to_echo_carries_none(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    replies = await broker.reply_queue()
    await broker.publish(operation, json.dumps(a_request(operation)), {"reply_to": replies})
    reply = await broker.first(replies)

    assert reply.correlation_id is None
    assert reply.type == f"{operation}.reply"

    await gateway.ask(operation, a_request(operation))

    assert await broker.ready(replies) == 0


@every_operation
async def test_both_ways_to_publish_lead_to_the_same_queue(
    gateway: Gateway, service: Gateway, operation: str
) -> None:
    by_exchange = await gateway.ask_raw(operation, a_request(operation, surprise=1))
    by_queue_name = await service.ask_raw(operation, a_request(operation, surprise=1))

    assert by_exchange.body == by_queue_name.body
    assert by_exchange.type == by_queue_name.type == f"{operation}.reply"


@every_operation
async def test_a_refusal_has_the_fields_of_the_contract_and_no_other(
    gateway: Gateway, operation: str
) -> None:
    reply = await gateway.ask(operation, a_request(operation, surprise=1))

    assert reply.keys() == {"ok", "error"}
    assert reply["ok"] is False
    assert reply["error"].keys() == {"code", "reason", "message", "retryable", "details"}
    assert reply["error"]["retryable"] is False
    assert reply["error"]["message"]
    assert reply["error"]["details"] == [{"field": "surprise", "reason": "unknown_field"}]


async def test_a_fire_and_forget_command_is_carried_out(gateway: Gateway, ada: Person, admin: Person) -> None:
    token = ada["token"]
    newcomer = a_request("profile.create")
    await gateway.tell("profile.create", newcomer)
    await gateway.tell("profile.update", {"id": ada["id"], "last_name": "King"}, token=token)

    async def look() -> bool:
        login = {"email": newcomer["email"], "password": newcomer["password"]}
        there = await gateway.ask("auth.login", login)
        changed = await gateway.ask("profile.get", {"id": ada["id"]}, token=token)
        return there["ok"] is True and changed["result"]["last_name"] == "King"

    assert await eventually(look)

    await gateway.tell("profile.delete", {"id": ada["id"]}, token=token)

    async def look_again() -> bool:
        gone = await gateway.ask("profile.get", {"id": ada["id"]}, token=admin["token"])
        return not gone["ok"]

    assert await eventually(look_again)


async def test_the_listed_keys_hold_no_private_part(gateway: Gateway) -> None:
    reply = await gateway.ask("auth.keys", {})

    assert reply.keys() == {"ok", "result"}
    assert reply["ok"] is True
    (key,) = reply["result"]["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")


async def test_a_login_answers_with_tokens(gateway: Gateway, ada: Person) -> None:
    reply = await gateway.ask("auth.login", {"email": ada["email"], "password": PASSWORD})

    tokens = reply["result"]
    assert reply.keys() == {"ok", "result"}
    assert tokens.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "profile_id",
        "device_token",
    }
    assert JWT.fullmatch(tokens["access_token"])
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == LIFETIME
    assert tokens["profile_id"] == ada["id"]


async def test_every_way_to_fail_a_login_has_the_same_answer(
    gateway: Gateway, admin: Person, sign_up: SignUp
) -> None:
    suspended, deleted, known = [await sign_up() for _ in range(3)]
    suspend = {"id": suspended["id"], "status": "suspended"}
    assert (await gateway.ask("profile.update", suspend, token=admin["token"]))["ok"]
    assert (await gateway.ask("profile.delete", {"id": deleted["id"]}, token=deleted["token"]))["ok"]

    def login(email: str, password: str = PASSWORD) -> dict[str, Any]:
        return {"email": email, "password": password}

    attempts = (
        login(an_address()),
        login(known["email"], "not the password"),
        login(known["email"], PASSWORD + " "),
        login(known["email"], "x" * 73),
        login(known["email"], PASSWORD + "\0"),
        login(suspended["email"]),
        login(deleted["email"]),
        login("no address at all"),
    )
    replies = await asyncio.gather(*(gateway.ask_raw("auth.login", each) for each in attempts))

    assert len({reply.body for reply in replies}) == 1
    error = json.loads(replies[0].body)["error"]
    assert error.keys() == {"code", "reason", "message", "retryable"}
    assert (error["code"], error["reason"]) == ("unauthenticated", "invalid_credentials")
