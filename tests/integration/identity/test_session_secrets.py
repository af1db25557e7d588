"""Passwords and tokens of sessions: in replies, and nowhere else that anybody can look."""

import base64
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pytest_asyncio
from aio_pika.abc import AbstractIncomingMessage
from pymongo import MongoClient
from redis import Redis

from profile_contracts.operations import OPERATIONS
from service.domain.totp import code_at
from tests.integration.broker import Broker
from tests.integration.gateway import Gateway, connected
from tests.integration.identity.events import Listener, listening
from tests.integration.identity.people import guess, logged_in, refresh, refused, signed_up
from tests.integration.replies import result
from tests.integration.workers import logged
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

AUTH = [each.queue for each in OPERATIONS if each.queue.startswith("auth.")]


@pytest_asyncio.fixture(scope="module")
async def ears(sandbox: Sandbox) -> AsyncIterator[Listener]:
    """Hears every event of this module."""
    async with listening(sandbox.admin_url) as listener:
        yield listener


@pytest_asyncio.fixture(scope="module")
async def secrets(sandbox: Sandbox, worker: Worker, ears: Listener, broker: Broker) -> list[str]:
    """Every secret that was sent or received, in every way: as meant, and malformed."""
    assert worker.process.poll() is None
    async with (
        connected(sandbox.gateway_url) as gateway,
        connected(sandbox.service_url, exchange="") as service,
    ):
        passwords = [f"canary-{uuid4().hex[:20]}" for _ in range(3)]
        person = await signed_up(gateway, password=passwords[0])
        await _use_as_meant(gateway, person, passwords)
        passwords.append(f"canary-{uuid4().hex[:20]}")
        codes = await _use_one_time_tokens(gateway, service, person, passwords[3])
        replies = [*gateway.replies, *service.replies]
        said = [json.loads(each.body).get("result", {}) for each in replies]
        kinds = ("access_token", "refresh_token", "token", "secret", "enrolment")
        tokens = [each[kind] for each in said for kind in kinds if kind in each]
        forged = [tokens[0][:-9] + "canary_00", tokens[1][:-9] + "canary_00", f"canary.e30.{uuid4().hex}"]
        await _send_malformed(gateway, [*passwords, *tokens, *forged])
        for operation in AUTH:
            last = uuid4().hex
            await gateway.tell(operation, b"the last one", correlation_id=last)
            await broker.dead_letter("profile.malformed", last)
    await ears.revocation(person["id"], "reuse")
    await ears.revocation(person["id"], "password_changed")
    return [*passwords, *tokens, *forged, *codes]


async def _use_as_meant(gateway: Gateway, person: dict[str, str], passwords: list[str]) -> None:
    first = await logged_in(gateway, person)
    second = await refresh(gateway, first)
    third = await refresh(gateway, second)
    assert await refused(gateway, first) == "refresh_token_reused"
    assert await refused(gateway, third) == "refresh_token_invalid"
    await guess(gateway, person["email"], passwords[1])
    mine = await logged_in(gateway, person)
    for current, new in ((passwords[1], passwords[2]), (passwords[0], passwords[2])):
        change = {"current_password": current, "new_password": new}
        await gateway.ask("auth.change_password", change, token=mine["access_token"])
    last = await logged_in(gateway, person, passwords[2])
    await gateway.ask("auth.verify", {"token": last["access_token"]})
    await gateway.ask("auth.verify", {"token": mine["access_token"]})
    result(await gateway.ask("auth.logout", {"scope": "local"}, token=last["access_token"]))
    await gateway.ask("profile.get", {"id": person["id"]}, token=last["access_token"])
    await logged_in(gateway, person, passwords[2])  # one session lives on, to be found in the database


async def _use_one_time_tokens(
    gateway: Gateway, service: Gateway, person: dict[str, str], password: str
) -> list[str]:
    verification = result(await service.ask("auth.start_verification", {"id": person["id"]}))
    reset = result(await service.ask("auth.start_reset", {"email": person["email"]}))
    for name in ("verify", "verify", None):
        await gateway.ask("auth.verify_email", {"token": verification["token"]}, message_id=name)
    for new in ("password123", password, password):
        await gateway.ask("auth.reset_password", {"token": reset["token"], "new_password": new})
    token = (await logged_in(gateway, person, password))["access_token"]
    enrolment = result(await gateway.ask("auth.totp_enroll", {"current_password": password}, token=token))
    otp = code_at(base64.b32decode(enrolment["secret"]), int(time.time()) // 30)
    body = {"enrolment": enrolment["enrolment"], "otp": otp}
    confirmed = await gateway.ask("auth.totp_confirm", body, token=token)
    codes: list[str] = result(confirmed)["recovery_codes"]
    for code in (None, codes[0], codes[0]):
        credentials = {"email": person["email"], "password": password}
        await gateway.ask("auth.login", {**credentials, **({"otp": code} if code else {})})
    return codes


async def _send_malformed(gateway: Gateway, secrets: list[str]) -> None:
    for operation in AUTH:
        for secret in secrets:
            for body in (
                secret.encode(),
                {"token": secret, "refresh_token": secret},
                {"refresh_token": [secret], "token": {"$ne": secret}, "scope": secret},
                {"current_password": secret, "new_password": secret, secret: 1},
            ):
                await gateway.tell(operation, body, headers={"authorization": f"Bearer {secret}"})
        await gateway.ask(operation, {"refresh_token": secrets[-1]}, token=secrets[-1])


def _found(secrets: list[str], text: str) -> list[str]:
    """Return the secrets in *text*; of a token its signature would be enough."""
    return [each for each in secrets if each in text or each.rpartition(".")[2][-30:] in text]


async def test_nothing_else_that_anybody_keeps_holds_one(
    secrets: list[str], worker: Worker, broker: Broker, ears: Listener, sandbox: Sandbox
) -> None:
    """One test for all places: to send every secret in every way takes longer than to look for them."""
    await logged(worker, "authn_token_reuse")
    await logged(worker, "authn_password_change")
    letters = [each for queue in (*AUTH, "profile.malformed") for each in await broker.dead_letters(queue)]
    cached, stored = _in_redis(sandbox), _in_mongodb(sandbox)
    places = {
        "log": worker.log.read_text(),
        "dead letters": _written_out(letters),
        "events": _written_out(ears.messages),
        "Redis": repr(cached),
        "MongoDB": repr(stored),
    }

    assert {place: found for place, text in places.items() if (found := _found(secrets, text))} == {}
    assert len(letters) > 100
    assert len(ears.messages) >= 2
    assert any(key.startswith("session:") for key in cached)
    # Nor anything personal.
    assert "@" not in places["events"] + places["Redis"]
    names = "_id user_id sessions_version step moved_by moved_at created_at expires_at"
    # Of those whose gateway says where they are, and of those in which a code was shown.
    some = {"client_network", "user_agent", "with_code"}
    assert {name for each in stored["sessions"] for name in each} - some == {*names.split()}


def _written_out(messages: Sequence[AbstractIncomingMessage]) -> str:
    return "".join(f"{each.body.decode()} {each.info()!r}" for each in messages)


def _in_redis(sandbox: Sandbox) -> dict[str, object]:
    with Redis.from_url(sandbox.redis_url, decode_responses=True) as redis:
        return {key: _value(redis, key) for key in redis.scan_iter()}


def _value(redis: Any, key: str) -> object:
    match redis.type(key):
        case "string":
            return redis.get(key)
        case "hash":
            return redis.hgetall(key)
        case "zset":
            return redis.zrange(key, 0, -1, withscores=True)
        case "none":
            return None
        case kind:
            raise AssertionError(f"nobody looks into a {kind}")


def _in_mongodb(sandbox: Sandbox) -> dict[str, list[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](sandbox.mongo_url, uuidRepresentation="standard") as client:
        database = client.get_default_database()
        return {name: list(database[name].find()) for name in database.list_collection_names()}
