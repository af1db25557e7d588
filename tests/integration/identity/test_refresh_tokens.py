"""Refresh tokens that are none."""

import asyncio
import base64

from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import logged_in, outcomes, refresh, signed_up


async def test_what_is_no_refresh_token_is_refused(
    gateway: Gateway, ada: Person, trusting: IsolatedEnv
) -> None:
    tokens = await logged_in(gateway, ada)
    genuine = tokens["refresh_token"]
    stranger = await signed_up(trusting.gateway)
    foreign = (await logged_in(trusting.gateway, stranger))["refresh_token"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    mutated = [
        genuine[:at] + alphabet[alphabet.index(letter) ^ bit] + genuine[at + 1 :]
        for at, letter in enumerate(genuine)
        for bit in (1, 32)
    ]
    random = base64.urlsafe_b64encode(bytes(range(54))).decode()
    garbage = [
        *(genuine[:length] for length in range(len(genuine))),
        *(genuine + more for more in ("A", "=", "==", " ", "\n", ".")),
        *(tokens["access_token"], random, "é" * len(genuine), "{}", "A" * 60_000, "\0" * len(genuine)),
        foreign,
    ]
    replies = await asyncio.gather(
        *(gateway.ask("auth.refresh", {"refresh_token": each}, timeout=30) for each in (*mutated, *garbage))
    )

    assert outcomes(replies) == {"refresh_token_invalid": len(mutated) + len(garbage)}
    assert await refresh(gateway, tokens)
