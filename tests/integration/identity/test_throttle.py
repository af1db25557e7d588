"""Those who guess are slowed down, and those who know are not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, connected
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import (
    alive,
    change_password,
    guess,
    logged_in,
    outcomes,
    signed_up,
)
from tests.integration.identity.profilectl import profilectl, profilectl_refuses
from tests.integration.replies import refusal, result
from tests.integration.workers import WORKER, isolated_sandbox, working
from tools.servers import Servers
from tools.worker import Worker

BUDGET, NETWORK = 10, 20


@pytest.mark.parametrize("account", ["known", "unknown"])
async def test_of_two_hundred_guesses_at_once_ten_are_looked_at(
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
    assert 0 < right["error"]["retry_after_ms"] <= 900_000


@pytest.mark.parametrize("account", ["known", "unknown"])
async def test_one_guess_after_the_other_is_counted_just_so(
    gateway: Gateway, ada: Person, account: str
) -> None:
    email = ada["email"] if account == "known" else an_address()
    reasons = [refusal(await guess(gateway, email))[1] for _ in range(BUDGET + 2)]

    assert reasons == ["invalid_credentials"] * BUDGET + ["too_many_attempts"] * 2


async def test_another_spelling_of_the_address_is_the_same_account(gateway: Gateway, ada: Person) -> None:
    spellings = (ada["email"].upper(), ada["email"].lower(), ada["email"], f" {ada['email']} ")
    for each in (*spellings, ada["email"].title()) * 2:
        await guess(gateway, each)

    assert refusal(await guess(gateway, ada["email"], ada["password"]))[0] == "rate_limited"


async def test_strangers_lock_out_nobody_who_has_logged_in_before(gateway: Gateway, ada: Person) -> None:
    mine = await logged_in(gateway, ada)
    for _ in range(BUDGET):
        await guess(gateway, ada["email"])
    knows = {"email": ada["email"], "password": ada["password"]}
    known = {**knows, "device_token": mine["device_token"]}

    assert refusal(await gateway.ask("auth.login", knows)) == ("rate_limited", "too_many_attempts")
    assert result(await gateway.ask("auth.login", known))["profile_id"] == ada["id"]
    assert await alive(gateway, [mine]) == [True]
    assert result(await change_password(gateway, ada, mine))


async def test_an_operator_unlocks_an_account(empty: IsolatedEnv) -> None:
    ada = await signed_up(empty.gateway)
    for _ in range(BUDGET):
        await guess(empty.gateway, ada["email"])
    assert refusal(await guess(empty.gateway, ada["email"], ada["password"]))[0] == "rate_limited"
    said = await profilectl(empty, "profile", "unlock", ada["email"].upper())

    assert said.splitlines()[-1] == f"{ada['id']} is unlocked."
    assert result(await guess(empty.gateway, ada["email"], ada["password"]))


async def test_an_operator_hears_who_can_not_be_unlocked_and_why(empty: IsolatedEnv) -> None:
    nobody = await profilectl_refuses(empty, "profile", "unlock", an_address(), code=6)
    in_memory = await profilectl_refuses(
        empty, "profile", "unlock", an_address(), code=7, REDIS_URL="memory://"
    )
    away = await signed_up(empty.gateway)
    refused = await profilectl_refuses(
        empty, "profile", "unlock", away["email"], code=7, REDIS_URL="redis://127.0.0.1:1/0"
    )

    assert nobody == "Cannot run: There is no such profile."
    assert in_memory.startswith("Cannot run: With REDIS_URL=memory://")
    assert refused.splitlines()[-1].startswith("Cannot run: Redis, which counts wrong passwords")


async def test_guessing_the_current_password_is_counted_too(gateway: Gateway, ada: Person) -> None:
    mine, wrong = {"access_token": ada["token"]}, {**ada, "password": "wrong guess"}
    reasons = [refusal(await change_password(gateway, wrong, mine))[1] for _ in range(BUDGET + 1)]

    assert reasons == ["invalid_credentials"] * BUDGET + ["too_many_attempts"]
    assert await logged_in(gateway, ada)


async def test_fifty_valid_logins_at_once_are_all_let_in(
    gateway: Gateway, ada: Person, second: Worker
) -> None:
    assert second.process.poll() is None
    replies = await asyncio.gather(*(guess(gateway, ada["email"], ada["password"]) for _ in range(50)))

    assert outcomes(replies) == {"ok": 50}
    assert all(await alive(gateway, [reply["result"] for reply in replies]))


async def test_a_network_that_guesses_has_one_wrong_password_for_each_account(
    gateway: Gateway, service: Gateway, ada: Person, bob: Person
) -> None:
    octets = [int(pair, 16) for pair in (uuid4().hex[:2], uuid4().hex[:2])]
    here, elsewhere = ({"x-client-ip": f"10.{octets[0]}.{octets[1]}.{last}"} for last in (1, 2))
    strangers = [an_address() for _ in range(NETWORK + 5)]
    replies = await asyncio.gather(*(guess(service, each, headers=here) for each in strangers))
    assert outcomes(replies) == {"invalid_credentials": NETWORK + 5}

    # The network is not refused for that: only who has just been wrong, too.
    assert result(await guess(service, ada["email"], ada["password"], headers=here))
    assert refusal(await guess(service, bob["email"], headers=here))[1] == "invalid_credentials"
    knows = bob["email"], bob["password"]
    assert refusal(await guess(service, *knows, headers=here)) == ("rate_limited", "too_many_attempts")
    assert result(await guess(service, *knows, headers=elsewhere))
    assert result(await guess(gateway, *knows, headers=here))  # not trusted, so not believed


@pytest_asyncio.fixture
async def narrow(servers: Servers, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway at a worker that hashes one password at a time, and takes as long as others do."""
    settings = {"BCRYPT_COST": "10", "HASHING_THREADS": "1", "HASHING_QUEUE_SIZE": "1"}
    with isolated_sandbox(servers) as env:
        async with working(env, tmp_path, settings, module=WORKER), connected(env.gateway_url) as gateway:
            yield gateway


async def test_what_the_pool_cannot_take_is_refused_at_once_and_not_counted(narrow: Gateway) -> None:
    people = [await signed_up(narrow) for _ in range(3)]
    attempts = [*people, *({"email": an_address(), "password": "wrong guess"} for _ in range(37))]
    replies = await asyncio.gather(
        *(guess(narrow, each["email"], each["password"]) for each in reversed(attempts))
    )
    overloaded = [reply for reply in replies if not reply["ok"] and reply["error"]["reason"] == "overloaded"]

    assert outcomes(replies).keys() <= {"ok", "invalid_credentials", "overloaded"}
    assert len(overloaded) >= 20
    assert {refusal(reply) for reply in overloaded} == {("unavailable", "overloaded")}
    assert all(reply["error"]["retryable"] for reply in overloaded)

    assert [bool(await logged_in(narrow, person)) for person in people] == [True] * 3
