import pytest

from tests.unit.inputports.desk import PASSWORD, Desk


async def test_a_login_is_answered_with_tokens(desk: Desk) -> None:
    ada = await desk.sign_up("ada@example.org")
    reply = await desk.ask("auth.login", {"email": "ADA@example.org", "password": PASSWORD})
    text = reply["result"].pop("access_token")

    assert reply["result"] == {
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": None,
        "profile_id": ada["id"],
    }
    assert str(desk.tokens.verify(text).id) == ada["id"]


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.org", "wrong"), ("bob@example.org", PASSWORD), ("nonsense", "x" * 73)],
)
async def test_every_failed_login_is_answered_alike(desk: Desk, email: str, password: str) -> None:
    await desk.sign_up("ada@example.org")
    reply = await desk.ask("auth.login", {"email": email, "password": password})

    assert reply["error"] == {
        "code": "unauthenticated",
        "reason": "invalid_credentials",
        "message": "The e-mail address or the password is wrong.",
        "retryable": False,
    }


async def test_a_dead_token_does_not_keep_anybody_from_logging_in(desk: Desk) -> None:
    await desk.sign_up("ada@example.org")
    login = {"email": "ada@example.org", "password": PASSWORD}

    assert (await desk.ask("auth.login", login, "dead"))["ok"]


async def test_keys_are_listed_for_anybody(desk: Desk) -> None:
    assert (await desk.ask("auth.keys", {}))["result"] == {"keys": desk.tokens.public_keys()}
