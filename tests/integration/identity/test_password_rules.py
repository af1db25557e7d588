"""Passwords that are refused, wherever somebody wants to have one."""

from typing import Any

import pytest

from tests.builders import an_address
from tests.integration.conftest import LEAKED, Person, SignUp
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal, result

NAMES = {"first_name": "Wilhelmina", "last_name": "Ackermann"}
REFUSED = {
    "1234567": "password_too_short",
    "ééé": "password_too_short",
    "\N{KEY}" * 7: "password_too_short",
    "x" * 73: "password_too_long",
    "é" * 37: "password_too_long",
    "\N{FACE WITH TEARS OF JOY}" * 19: "password_too_long",
    "y" * 1000: "password_too_long",
    "a good one\0 that ends": "password_malformed",
    "password": "password_too_common",
    "PassWord1": "password_too_common",
    "iloveyou": "password_too_common",
    "12345678": "password_too_common",
    "qwertyuiop": "password_too_common",
    "acmecorp2026": "password_too_common",
    LEAKED: "password_breached",
    "wilhelmina": "password_too_personal",
    "Wilhelmina1": "password_too_personal",
    "AckermannWilhelmina": "password_too_personal",
    "ackermann2026": "password_too_personal",
}
TAKEN = (
    "8 bytes!",
    "x" * 72,
    "é" * 36,
    "   spaces are kept   ",
    "Wilhelmina rides a tall horse",
    "\N{SNOWMAN} melts in \N{BLACK SUN WITH RAYS}",
)


def _details(reply: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = reply["error"].get("details", [])
    return found


@pytest.mark.parametrize(("password", "reason"), REFUSED.items(), ids=lambda text: text[:12])
async def test_a_bad_password_is_refused_and_not_quoted(gateway: Gateway, password: str, reason: str) -> None:
    asked = {**NAMES, "email": an_address(), "password": password}
    reply = await gateway.ask("profile.create", asked)

    assert refusal(reply) == ("invalid", reason)
    assert _details(reply) == [{"field": "password", "reason": reason}]
    assert reply["error"]["retryable"] is False
    assert result(await gateway.ask("profile.create", {**asked, "password": "a good horse"}))


async def test_a_bad_password_is_refused_in_a_change_too(gateway: Gateway, sign_up: SignUp) -> None:
    person = await sign_up(**NAMES)
    local, _, _ = person["email"].partition("@")
    more = {local: "password_too_personal", f"{local.upper()}!": "password_too_personal"}
    for password, reason in {**REFUSED, **more}.items():
        change = {"current_password": person["password"], "new_password": password}
        reply = await gateway.ask("auth.change_password", change, token=person["token"])

        assert refusal(reply) == ("invalid", reason), password
        assert _details(reply) == [{"field": "new_password", "reason": reason}]

    login = {"email": person["email"], "password": person["password"]}
    assert result(await gateway.ask("auth.login", login))


@pytest.mark.parametrize("password", TAKEN, ids=range(len(TAKEN)))
async def test_a_good_password_is_taken_as_it_is(gateway: Gateway, sign_up: SignUp, password: str) -> None:
    person: Person = await sign_up(**NAMES, password=password)

    for wrong in (password[:-1], password.strip() + "!", password.swapcase() + "?"):
        login = {"email": person["email"], "password": wrong}
        assert refusal(await gateway.ask("auth.login", login))[0] == "unauthenticated"


async def test_one_password_typed_on_two_keyboards_is_one_password(gateway: Gateway, sign_up: SignUp) -> None:
    person = await sign_up(password="caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{LATIN SMALL LIGATURE FI}sh!")
    for same in ("cafe\N{COMBINING ACUTE ACCENT} fish!", person["password"]):
        assert result(await gateway.ask("auth.login", {"email": person["email"], "password": same}))
