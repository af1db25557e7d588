"""People who log in, and what their tokens are worth."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal, result
from tests.integration.requests import PASSWORD

WRONG = "wrong guess"
NEW_PASSWORD = "another staple for horses"
Tokens = dict[str, Any]


async def signed_up(gateway: Gateway, **changes: Any) -> Person:
    """Return a new user, who has not logged in; *gateway* has to be trusted for another role."""
    names = {"first_name": "Ada", "last_name": "Lovelace"}
    asked = {**names, "email": an_address(), "password": PASSWORD, **changes}
    return {**asked, "id": result(await gateway.ask("profile.create", asked))["id"]}


async def logged_in(gateway: Gateway, person: Person, password: str | None = None) -> Tokens:
    """Return the tokens of a new session of *person*."""
    credentials = {"email": person["email"], "password": password or person["password"]}
    return result(await gateway.ask("auth.login", credentials))


async def guess(gateway: Gateway, email: str, password: str = WRONG, **more: Any) -> dict[str, Any]:
    """Return the reply to a login with *password*."""
    return await gateway.ask("auth.login", {"email": email, "password": password}, timeout=60, **more)


async def refresh(gateway: Gateway, tokens: Tokens, **more: Any) -> Tokens:
    """Return the tokens that follow *tokens*."""
    return result(await gateway.ask("auth.refresh", {"refresh_token": tokens["refresh_token"]}, **more))


async def refused(gateway: Gateway, tokens: Tokens, **more: Any) -> str:
    """Return why *tokens* cannot be refreshed."""
    reply = await gateway.ask("auth.refresh", {"refresh_token": tokens["refresh_token"]}, **more)
    code, reason = refusal(reply)
    assert code == "unauthenticated"
    return reason


async def verdict(gateway: Gateway, token: str) -> dict[str, Any]:
    """Return what `auth.verify` says about *token*."""
    return result(await gateway.ask("auth.verify", {"token": token}))


async def alive(gateway: Gateway, sessions: Iterable[Tokens]) -> list[bool]:
    """Return of each whether its access token is good; of a dead one nothing else may be said."""
    verdicts = await asyncio.gather(*(verdict(gateway, each["access_token"]) for each in sessions))
    assert [each for each in verdicts if not each["active"] and len(each) > 1] == []
    return [each["active"] for each in verdicts]


async def assert_over(gateway: Gateway, sessions: Sequence[Tokens], within: float = 1.0) -> None:
    """Ask until none of *sessions* is alive, as all have to be that are asked about *within* so many seconds.

    Counted is when it was asked. A reply may take its time on a busy machine.
    """
    began = asked = time.monotonic()
    while any(await alive(gateway, sessions)):
        assert asked - began < within
        asked = time.monotonic()


async def change_password(gateway: Gateway, person: Person, tokens: Tokens) -> dict[str, Any]:
    """Return the reply to a change to `NEW_PASSWORD`."""
    change = {"current_password": person["password"], "new_password": NEW_PASSWORD}
    return await gateway.ask("auth.change_password", change, token=tokens["access_token"], timeout=60)


def outcomes(replies: Iterable[dict[str, Any]]) -> Counter[str]:
    """Return how often each reason was given, and how often none."""
    return Counter("ok" if reply["ok"] else reply["error"]["reason"] for reply in replies)
