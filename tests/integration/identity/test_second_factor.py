"""A second factor over AMQP and two workers: enrolled, asked for, good once, lost, and removed."""

import asyncio
import base64
import time
from typing import Any
from uuid import UUID, uuid4

from pymongo import MongoClient

from service.domain.totp import code_at
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.people import guess, logged_in, outcomes
from tests.integration.replies import refusal, result
from tests.integration.requests import PASSWORD
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

NOT_A_CODE = "abcdef"


async def enrolled(gateway: Gateway, ada: Person) -> tuple[bytes, int, list[str]]:
    """Return the secret of a second factor, the time step that confirmed it, and the recovery codes."""
    token = ada["token"]
    begun = result(await gateway.ask("auth.totp_enroll", {"current_password": PASSWORD}, token=token))
    secret, step = base64.b32decode(begun["secret"]), int(time.time()) // 30
    wrong = {"enrolment": begun["enrolment"], "otp": NOT_A_CODE}
    assert refusal(await gateway.ask("auth.totp_confirm", wrong, token=token)) == (
        "unauthenticated",
        "otp_invalid",
    )
    right = {"enrolment": begun["enrolment"], "otp": code_at(secret, step)}
    codes = result(await gateway.ask("auth.totp_confirm", right, token=token))["recovery_codes"]
    again = await gateway.ask("auth.totp_confirm", right, token=token)
    assert refusal(again) == ("conflict", "totp_already_enrolled")
    assert begun["secret"] in begun["uri"]
    return secret, step, codes


async def test_a_login_needs_a_code_that_is_good_once_or_a_recovery_code(
    *, gateway: Gateway, second: Worker, sandbox: Sandbox, ada: Person
) -> None:
    assert second.process.poll() is None
    secret, step, codes = await enrolled(gateway, ada)
    credentials = {"email": ada["email"], "password": PASSWORD}
    wrong = await guess(gateway, ada["email"])
    none = await gateway.ask("auth.login", credentials)
    used = await gateway.ask("auth.login", {**credentials, "otp": code_at(secret, step)})
    following = {**credentials, "otp": code_at(secret, step + 1)}
    at_once = await asyncio.gather(*(gateway.ask("auth.login", following) for _ in range(4)))
    recovered = await asyncio.gather(
        *(gateway.ask("auth.login", {**credentials, "otp": codes[3]}) for _ in range(4))
    )

    assert len(set(codes)) == 10
    assert refusal(wrong) == ("unauthenticated", "invalid_credentials")
    assert refusal(none) == ("unauthenticated", "otp_required")
    assert refusal(used) == ("unauthenticated", "otp_invalid")
    for replies in (at_once, recovered):
        assert outcomes(replies) == {"ok": 1, "otp_invalid": 3}
    with MongoClient[Any](sandbox.mongo_url, uuidRepresentation="standard") as client:
        found = client.get_default_database()["profiles"].find_one({"id": UUID(ada["id"])})
    assert found
    assert len(found["totp"]["recovery"]) == 9
    assert secret not in found["totp"]["secret"]
    assert not any(each.replace("-", "").encode() in repr(found).encode() for each in codes)


async def test_who_has_lost_it_all_is_helped_by_an_administrator_and_others_by_their_password(
    gateway: Gateway, admin: Person, ada: Person
) -> None:
    await enrolled(gateway, ada)
    own = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))
    needed = await gateway.ask("auth.totp_remove", {}, token=ada["token"])
    name = uuid4().hex
    by_admin = [
        await gateway.ask("auth.totp_remove", {"id": ada["id"]}, token=admin["token"], message_id=name)
        for _ in range(2)
    ]
    await logged_in(gateway, ada)
    await enrolled(gateway, ada)
    proof = {"current_password": PASSWORD}
    removed = result(await gateway.ask("auth.totp_remove", proof, token=ada["token"]))

    assert own["totp_enrolled"] is True
    assert refusal(needed) == ("invalid", "current_password_required")
    assert result(by_admin[0]) == result(by_admin[1])
    assert (removed["totp_enrolled"], removed["version"]) == (False, 5)
    assert await logged_in(gateway, ada)
