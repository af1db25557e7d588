"""Forgotten passwords and verified addresses, over AMQP and two workers."""

import asyncio
from uuid import uuid4

from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.events import Listener
from tests.integration.identity.people import NEW_PASSWORD, alive, logged_in, outcomes
from tests.integration.replies import refusal, result
from tests.integration.requests import PASSWORD
from tools.worker import Worker


async def started(service: Gateway, operation: str, body: dict[str, str]) -> str:
    """Return the token that a trusted service sends."""
    token: str = result(await service.ask(operation, body))["token"]
    return token


async def test_a_forgotten_password_is_reset_by_a_token_that_is_good_once(
    *, gateway: Gateway, service: Gateway, second: Worker, listener: Listener, ada: Person
) -> None:
    assert second.process.poll() is None
    sessions = [await logged_in(gateway, ada) for _ in range(2)]
    begun = result(await service.ask("auth.start_reset", {"email": ada["email"].upper()}))
    assert (begun["profile_id"], begun["expires_in"]) == (ada["id"], 1800)
    common = await gateway.ask(
        "auth.reset_password", {"token": begun["token"], "new_password": "password123"}
    )
    body = {"token": begun["token"], "new_password": NEW_PASSWORD}
    others = [{**body, "new_password": f"{NEW_PASSWORD} {each}"} for each in range(4)]
    replies = await asyncio.gather(*(gateway.ask("auth.reset_password", each) for each in (body, *others)))
    (done,) = [each for each in replies if each["ok"]]
    new = (body, *others)[replies.index(done)]["new_password"]

    assert refusal(common) == ("invalid", "password_too_common")
    assert outcomes(replies) == {"ok": 1, "one_time_token_invalid": 4}
    assert result(done) == {"profile_id": ada["id"]}
    assert await alive(gateway, sessions) == [False, False]
    assert await logged_in(gateway, ada, new)
    assert (await listener.revocation(ada["id"], "password_changed"))["spared_session_id"] is None


async def test_a_reset_that_comes_again_under_its_name_hears_that_it_was_done(
    gateway: Gateway, service: Gateway, ada: Person
) -> None:
    token = await started(service, "auth.start_reset", {"email": ada["email"]})
    body, name = {"token": token, "new_password": NEW_PASSWORD}, uuid4().hex
    replies = await asyncio.gather(
        *(gateway.ask("auth.reset_password", body, message_id=name) for _ in range(3))
    )
    later = await gateway.ask("auth.reset_password", body, message_id=name)

    assert [result(each) for each in (*replies, later)] == [{"profile_id": ada["id"]}] * 4
    assert refusal(await gateway.ask("auth.reset_password", body)) == (
        "unauthenticated",
        "one_time_token_invalid",
    )


async def test_an_address_is_verified_and_a_changed_one_is_not(
    gateway: Gateway, service: Gateway, ada: Person
) -> None:
    own = {"id": ada["id"]}
    begun = result(await gateway.ask("auth.start_verification", own, token=ada["token"]))
    name = uuid4().hex
    replies = await asyncio.gather(
        *(gateway.ask("auth.verify_email", {"token": begun["token"]}, message_id=name) for _ in range(3))
    )
    again = await gateway.ask("auth.verify_email", {"token": begun["token"]})
    needless = await service.ask("auth.start_verification", own)
    change = {**own, "email": an_address(), "current_password": PASSWORD}
    changed = result(await gateway.ask("profile.update", change, token=ada["token"]))
    late = await started(service, "auth.start_verification", own)
    change = {**own, "email": ada["email"], "current_password": PASSWORD}
    result(await gateway.ask("profile.update", change, token=ada["token"]))

    assert (begun["email"], begun["expires_in"]) == (ada["email"], 1800)
    assert [(result(each)["email_verified"], result(each)["version"]) for each in replies] == [(True, 2)] * 3
    assert refusal(again) == ("unauthenticated", "one_time_token_invalid")
    assert refusal(needless) == ("conflict", "email_already_verified")
    assert changed["email_verified"] is False
    assert refusal(await gateway.ask("auth.verify_email", {"token": late}))[1] == "one_time_token_invalid"


async def test_nobody_but_a_trusted_service_learns_who_has_an_account(
    gateway: Gateway, service: Gateway, ada: Person, admin: Person
) -> None:
    for email in (ada["email"], an_address()):
        for token, refused in (
            (None, ("unauthenticated", "missing_token")),
            (ada["token"], ("forbidden", "not_allowed")),
            (admin["token"], ("forbidden", "not_allowed")),
        ):
            assert refusal(await gateway.ask("auth.start_reset", {"email": email}, token=token)) == refused
    unknown = await service.ask("auth.start_reset", {"email": an_address()})
    assert refusal(unknown) == ("not_found", "profile_not_found")
