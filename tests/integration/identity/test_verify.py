"""What `auth.verify` says of good tokens, and of everything else."""

import asyncio
import json

import pytest
import pytest_asyncio

from service.infrastructure.security.keys import load_keys
from tests.integration.conftest import Person, SignUp
from tests.integration.gateway import Gateway
from tests.integration.identity.forgery import FORGERIES, Forger
from tests.integration.identity.people import alive, verdict
from tests.integration.replies import refusal, result
from tools.worker import Worker

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest_asyncio.fixture(scope="module")
async def victim(sign_up: SignUp) -> Person:
    """The user whose token is forged."""
    return await sign_up()


@pytest.fixture(scope="module")
def forger(victim: Person, worker: Worker) -> Forger:
    """Has a good token and its key."""
    (key,) = load_keys(worker.log.parent / "keys")
    return Forger(victim["token"], key)


async def test_a_good_token_is_told_by_exactly_these_fields(gateway: Gateway, forger: Forger) -> None:
    claims = forger.claims
    said = await verdict(gateway, forger.token)

    assert said == {"active": True, **{name: claims[name] for name in ("sub", "sid", "role", "exp")}}


async def test_a_token_that_the_forger_signs_as_it_was_is_good(gateway: Gateway, forger: Forger) -> None:
    """Or the forgeries would prove nothing."""
    assert await verdict(gateway, forger.signed()) == await verdict(gateway, forger.token)


@pytest.mark.parametrize("kind", FORGERIES)
async def test_of_a_dead_token_nothing_is_said_but_that(
    gateway: Gateway, forger: Forger, victim: Person, kind: str
) -> None:
    token = FORGERIES[kind](forger)

    assert await verdict(gateway, token) == {"active": False}

    if len(token) > 5000:  # longer than a broker would take as a header
        return
    headers = {"authorization": f"Bearer {token}"}
    code, reason = refusal(await gateway.ask("profile.get", {"id": victim["id"]}, headers=headers))

    assert code == "unauthenticated"
    expected = {"expired": "token_expired", "another_session": "session_ended"}
    assert reason == expected.get(kind, "token_invalid")


async def test_a_token_mutated_at_any_place_is_dead(gateway: Gateway, forger: Forger) -> None:
    token = forger.token
    mutated = [
        token[:at] + (ALPHABET[ALPHABET.index(letter) ^ bit] if letter != "." else "-") + token[at + 1 :]
        for at, letter in enumerate(token)
        for bit in (1 << at % 6, *((32,) if at == len(token) - 1 else ()))
    ]
    verdicts = await alive(gateway, [{"access_token": each} for each in mutated])

    assert [text for text, good in zip(mutated, verdicts, strict=True) if good] == []
    assert await alive(gateway, [{"access_token": token}]) == [True]


@pytest.mark.parametrize("operation", ["auth.verify", "auth.refresh"])
async def test_a_megabyte_is_too_large(gateway: Gateway, operation: str) -> None:
    field = {"auth.verify": "token", "auth.refresh": "refresh_token"}[operation]
    reply = await gateway.ask(operation, {field: "A" * 1_000_000})

    assert refusal(reply) == ("invalid", "message_too_large")


@pytest.mark.parametrize("token", [None, 1, True, ["a"], {"$ne": ""}])
async def test_a_token_that_is_no_text_is_malformed(gateway: Gateway, token: object) -> None:
    assert refusal(await gateway.ask("auth.verify", {"token": token})) == ("invalid", "malformed_request")


async def test_a_lone_surrogate_is_malformed(gateway: Gateway) -> None:
    reply = await gateway.ask("auth.verify", json.dumps({"token": "\ud800"}).encode())

    assert refusal(reply)[0] == "invalid"


async def test_a_verdict_needs_no_actor_and_heeds_none(gateway: Gateway, forger: Forger) -> None:
    asked = {"token": forger.token}
    replies = await asyncio.gather(*(gateway.ask("auth.verify", asked, token=each) for each in (None, "x")))

    assert [result(reply)["active"] for reply in replies] == [True, True]
