from uuid import uuid4

import pytest

from tests.fakes.tokens import EXPIRES_AT
from tests.unit.inputports.amqp.messaging_harness import PASSWORD, MessagingHarness


async def test_a_login_is_answered_with_tokens(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    reply = await harness.ask("auth.login", {"email": "ADA@example.org", "password": PASSWORD})
    text, refresh_token = (reply["result"].pop(name) for name in ("access_token", "refresh_token"))
    device_token = reply["result"].pop("device_token")

    assert reply["result"] == {"token_type": "Bearer", "expires_in": 600, "profile_id": ada["id"]}
    assert str(harness.tokens.verify(text).user.id) == ada["id"]
    assert (len(refresh_token), len(device_token)) == (82, 98)


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.org", "wrong"), ("bob@example.org", PASSWORD), ("nonsense", "x" * 73)],
)
async def test_every_failed_login_is_answered_alike(
    harness: MessagingHarness, email: str, password: str
) -> None:
    await harness.sign_up("ada@example.org")
    reply = await harness.ask("auth.login", {"email": email, "password": password})

    assert reply["error"] == {
        "code": "unauthenticated",
        "reason": "invalid_credentials",
        "message": "The e-mail address or the password is wrong.",
        "retryable": False,
    }


async def test_a_dead_token_does_not_keep_anybody_from_logging_in(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    login = {"email": "ada@example.org", "password": PASSWORD}

    assert (await harness.ask("auth.login", login, "dead"))["ok"]


async def test_keys_are_listed_for_anybody(harness: MessagingHarness) -> None:
    assert (await harness.ask("auth.keys", {}))["result"] == {"keys": harness.tokens.public_keys()}


async def test_a_refresh_is_answered_with_new_tokens_of_the_same_session(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    first = await harness.log_in("ada@example.org")
    second = (await harness.ask("auth.refresh", {"refresh_token": first["refresh_token"]}))["result"]
    sessions = {harness.tokens.verify(each["access_token"]).user.session for each in (first, second)}

    assert len(sessions) == 1
    assert second["refresh_token"] != first["refresh_token"]


async def test_a_used_successor_tells_a_theft_from_a_lost_reply(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    body = {"refresh_token": (await harness.log_in("ada@example.org"))["refresh_token"]}
    answers = []
    for name in ("m-1", "m-2"):
        answers.append((await harness.ask("auth.refresh", body, message_id=name))["result"]["refresh_token"])
        harness.clock.advance(hours=1)
    await harness.ask("auth.refresh", {"refresh_token": answers[0]})

    assert answers[0] == answers[1]
    # No name of a message is a secret: that of the first refresh is of no help, either.
    reply = await harness.ask("auth.refresh", body, message_id="m-1")
    assert reply["error"]["reason"] == "refresh_token_reused"
    assert await harness.refusal("auth.refresh", {"refresh_token": answers[0]}) == (
        "unauthenticated",
        "refresh_token_invalid",
    )


@pytest.mark.parametrize(
    ("scope", "revoked", "alive"), [("local", 1, [0, 1]), ("others", 1, [1, 0]), ("global", 2, [0, 0])]
)
async def test_a_logout_ends_what_its_scope_says(
    harness: MessagingHarness, scope: str, revoked: int, alive: list[int]
) -> None:
    await harness.sign_up("ada@example.org")
    tokens = [await harness.token("ada@example.org") for _ in range(2)]
    reply = await harness.ask("auth.logout", {"scope": scope}, tokens[0])
    session_cache = [
        (await harness.ask("auth.verify", {"token": each}))["result"]["active"] for each in tokens
    ]

    assert reply["result"] == {"revoked": revoked}
    assert session_cache == [bool(each) for each in alive]


async def test_an_ended_session_is_called_ended(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    token = await harness.token("ada@example.org")
    await harness.ask("auth.logout", {"scope": "local"}, token)

    for queue, body in (("auth.logout", {"scope": "local"}), ("profile.get", {"id": str(uuid4())})):
        assert await harness.refusal(queue, body, token) == ("unauthenticated", "session_ended")


async def test_services_have_no_sessions_to_end(harness: MessagingHarness) -> None:
    assert await harness.refusal("auth.logout", {"scope": "global"}) == ("unauthenticated", "missing_token")


async def test_a_good_token_is_told_whole_and_of_a_dead_one_nothing(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    token = await harness.token("ada@example.org")
    user = harness.tokens.verify(token).user
    verdict = (await harness.ask("auth.verify", {"token": token}))["result"]

    assert verdict == {
        "active": True,
        "sub": ada["id"],
        "sid": str(user.session),
        "role": "user",
        "exp": int(EXPIRES_AT.timestamp()),
    }
    assert (await harness.ask("auth.verify", {"token": "dead"}))["result"] == {"active": False}


async def test_a_change_of_password_gives_tokens_and_ends_all_other_sessions(
    harness: MessagingHarness,
) -> None:
    await harness.sign_up("ada@example.org")
    token = await harness.token("ada@example.org")
    change = {"current_password": PASSWORD, "new_password": "another horse"}
    reply = await harness.ask("auth.change_password", change, token)
    new = reply["result"]["access_token"]

    assert (await harness.ask("auth.verify", {"token": token}))["result"] == {"active": False}
    assert (await harness.ask("auth.verify", {"token": new}))["result"]["active"]
    assert await harness.refusal("auth.login", {"email": "ada@example.org", "password": PASSWORD}) == (
        "unauthenticated",
        "invalid_credentials",
    )


async def test_the_eleventh_guess_hears_when_to_come_back(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    guess = {"email": "ada@example.org", "password": "wrong guess"}
    for _ in range(10):
        assert await harness.refusal("auth.login", guess) == ("unauthenticated", "invalid_credentials")
    error = (await harness.ask("auth.login", guess | {"password": PASSWORD}))["error"]

    assert (error["code"], error["reason"], error["retryable"]) == ("rate_limited", "too_many_attempts", True)
    assert 899_000 < error["retry_after_ms"] <= 900_001


async def test_a_device_token_is_taken_back(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    knows = {"email": "ada@example.org", "password": PASSWORD}
    device = {"device_token": (await harness.ask("auth.login", knows))["result"]["device_token"]}
    for _ in range(10):
        await harness.ask("auth.login", {**knows, "password": "wrong guess"})

    assert await harness.refusal("auth.login", knows) == ("rate_limited", "too_many_attempts")
    assert (await harness.ask("auth.login", {**knows, **device}))["ok"]
