"""Users of the gateways, and what they are answered."""

from typing import Any

from tests.builders import an_address
from tests.integration.examples.browser import Answer, Browser

PASSWORD = "correct horse battery"


def a_user(**changes: object) -> dict[str, Any]:
    """Return what somebody signs up with."""
    usual = {"first_name": "Ada", "last_name": "Lovelace", "email": an_address(), "password": PASSWORD}
    return {**usual, **changes}


def signed_up(browser: Browser) -> dict[str, Any]:
    """Sign a user up, and log in with cookies; return what was asked for."""
    user = a_user()
    assert browser.ask("POST", "/users", user).status == 201
    assert browser.ask("POST", "/session", credentials_of(user)).status == 204
    return user


def credentials_of(user: dict[str, Any]) -> dict[str, Any]:
    """Return what *user* logs in with."""
    return {"email": user["email"], "password": user["password"]}


def is_problem(answer: Answer, status: int, reason: str) -> bool:
    """Whether *answer* is that problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["type"] == "about:blank"
    assert answer.json["title"]
    return (answer.status, answer.json["status"], answer.json["reason"]) == (status, status, reason)
