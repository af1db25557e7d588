"""Those who guess are slowed down, and those who know are not."""

import asyncio
from uuid import uuid4

import pytest

from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import (
    alive,
    change_password,
    guess,
    logged_in,
    outcomes,
    signed_up,
)
from tests.integration.replies import refusal, result
from tools.worker import Worker

BUDGET, IP_BUDGET = 5, 30


@pytest.mark.parametrize("account", ["known", "unknown"])
async def test_of_two_hundred_guesses_at_once_five_are_looked_at(
    gateway: Gateway, ada: Person, second: Worker, account: str
) -> None:
    assert second.process.poll() is None
    email = ada["email"] if account == "known" else an_address()
    replies = await asyncio.gather(*(guess(gateway, email, f"wrong guess {n}") for n in range(200)))
    counted = outcomes(replies)

    assert 0 < counted["invalid_credentials"] <= BUDGET
    assert counted.keys() <= {"invalid_credentials", "too_many_attempts", "attempts_in_flight"}
    codes = {refusal(reply) for reply in replies if refusal(reply)[1] != "invalid_credentials"}
    assert codes <= {("rate_limited", "too_many_attempts"), ("unavailable", "attempts_in_flight")}

    right = await guess(gateway, email, ada["password"])

    assert refusal(right) == ("rate_limited", "too_many_attempts")
    assert right["error"]["retryable"] is True
    assert 0 < right["error"]["retry_after_ms"] <= 30_000


@pytest.mark.parametrize("account", ["known", "unknown"])
async def test_one_guess_after_the_other_is_counted_just_so(
    gateway: Gateway, ada: Person, account: str
) -> None:
    email = ada["email"] if account == "known" else an_address()
    reasons = [refusal(await guess(gateway, email))[1] for _ in range(BUDGET + 2)]

    assert reasons == ["invalid_credentials"] * BUDGET + ["too_many_attempts"] * 2


async def test_another_spelling_of_the_address_is_the_same_account(gateway: Gateway, ada: Person) -> None:
    spellings = (ada["email"].upper(), ada["email"].lower(), ada["email"], f" {ada['email']} ")
    for each in (*spellings, ada["email"].title()):
        await guess(gateway, each)

    assert refusal(await guess(gateway, ada["email"], ada["password"]))[0] == "rate_limited"


async def test_a_right_password_forgets_the_wrong_ones(gateway: Gateway, ada: Person) -> None:
    for _ in range(2):
        for _ in range(BUDGET - 1):
            assert refusal(await guess(gateway, ada["email"]))[1] == "invalid_credentials"
        assert await logged_in(gateway, ada)


async def test_a_locked_account_keeps_its_sessions_and_its_password(gateway: Gateway, ada: Person) -> None:
    mine = {"access_token": ada["token"]}
    for _ in range(BUDGET):
        await guess(gateway, ada["email"])

    assert refusal(await change_password(gateway, ada, mine)) == ("rate_limited", "too_many_attempts")
    assert await alive(gateway, [mine]) == [True]


async def test_guessing_the_current_password_is_counted_too(gateway: Gateway, ada: Person) -> None:
    mine, wrong = {"access_token": ada["token"]}, {**ada, "password": "wrong guess"}
    reasons = [refusal(await change_password(gateway, wrong, mine))[1] for _ in range(BUDGET + 1)]

    assert reasons == ["invalid_credentials"] * BUDGET + ["too_many_attempts"]
    assert refusal(await guess(gateway, ada["email"], ada["password"]))[0] == "rate_limited"


async def test_fifty_valid_logins_at_once_are_all_let_in(
    gateway: Gateway, ada: Person, second: Worker
) -> None:
    assert second.process.poll() is None
    replies = await asyncio.gather(*(guess(gateway, ada["email"], ada["password"]) for _ in range(50)))

    assert outcomes(replies) == {"ok": 50}
    assert all(await alive(gateway, [reply["result"] for reply in replies]))


async def test_an_ip_is_believed_from_a_trusted_service_and_counted_over_accounts(
    gateway: Gateway, service: Gateway, ada: Person
) -> None:
    octets = [int(pair, 16) for pair in (uuid4().hex[:2], uuid4().hex[:2])]
    here, elsewhere = ({"x-client-ip": f"10.{octets[0]}.{octets[1]}.{last}"} for last in (1, 2))
    strangers = [an_address() for _ in range(IP_BUDGET)]
    replies = await asyncio.gather(*(guess(service, each, headers=here) for each in strangers))

    assert outcomes(replies) == {"invalid_credentials": IP_BUDGET}

    knows = ada["email"], ada["password"]

    assert refusal(await guess(service, *knows, headers=here)) == ("rate_limited", "too_many_attempts")
    assert result(await guess(service, *knows, headers=elsewhere))
    assert result(await guess(gateway, *knows, headers=here))  # not trusted, so not believed


async def test_an_ip_from_others_is_not_counted(gateway: Gateway, service: Gateway, ada: Person) -> None:
    here = {"x-client-ip": f"2001:db8:{uuid4().hex[:4]}::1"}
    strangers = [an_address() for _ in range(IP_BUDGET + 1)]
    replies = await asyncio.gather(*(guess(gateway, each, headers=here) for each in strangers))

    assert outcomes(replies) == {"invalid_credentials": IP_BUDGET + 1}
    assert result(await guess(service, ada["email"], ada["password"], headers=here))


async def test_what_the_pool_cannot_take_is_refused_at_once_and_not_counted(narrow: IsolatedEnv) -> None:
    people = [await signed_up(narrow.gateway) for _ in range(3)]
    attempts = [*people, *({"email": an_address(), "password": "wrong guess"} for _ in range(37))]
    replies = await asyncio.gather(
        *(guess(narrow.gateway, each["email"], each["password"]) for each in reversed(attempts))
    )
    overloaded = [reply for reply in replies if not reply["ok"] and reply["error"]["reason"] == "overloaded"]

    assert outcomes(replies).keys() <= {"ok", "invalid_credentials", "overloaded"}
    assert len(overloaded) >= 20
    assert {refusal(reply) for reply in overloaded} == {("unavailable", "overloaded")}
    assert all(reply["error"]["retryable"] for reply in overloaded)

    assert [bool(await logged_in(narrow.gateway, person)) for person in people] == [True] * 3
