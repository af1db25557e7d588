from typing import Any
from uuid import uuid4

import pytest

from tests.builders import an_address
from tests.unit.inputports.amqp.messaging_harness import PASSWORD, MessagingHarness

PERSON = {"first_name": " Ada ", "last_name": "Lovelace", "email": "Ada@Example.org", "password": PASSWORD}
NOON = "2026-11-22T12:00:00.000Z"


async def test_a_new_profile_is_answered_in_full_and_without_a_hash(harness: MessagingHarness) -> None:
    profile = (await harness.ask("profile.create", PERSON))["result"]

    assert {name: value for name, value in profile.items() if name not in {"id", "oid"}} == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "Ada@Example.org",
        "email_verified": False,
        "role": "user",
        "status": "active",
        "created_at": NOON,
        "updated_at": NOON,
        "version": 1,
        "attributes": {},
        "totp_enrolled": False,
    }


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"email": "nonsense"}, ("invalid", "email_malformed")),
        ({"password": "short"}, ("invalid", "password_too_short")),
        ({"password": "x" * 73}, ("invalid", "password_too_long")),
        ({"password": "x" * 1025}, ("invalid", "malformed_request")),
        ({"password": "12345678\0"}, ("invalid", "password_malformed")),
        ({"first_name": " "}, ("invalid", "malformed_request")),
        ({"role": "admin"}, ("unauthenticated", "missing_token")),
    ],
)
async def test_a_signup_is_refused_with_a_reason_of_the_contract(
    harness: MessagingHarness, changes: dict[str, Any], refusal: tuple[str, str]
) -> None:
    assert await harness.refusal("profile.create", PERSON | changes) == refusal


async def test_an_address_is_taken_once(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")

    assert await harness.refusal("profile.create", PERSON) == ("conflict", "email_taken")


async def test_roles_are_given_by_those_who_may(harness: MessagingHarness) -> None:
    await harness.sign_up(address := an_address())
    token = await harness.token(address)
    boss = PERSON | {"role": "admin"}

    assert await harness.refusal("profile.create", boss, token) == ("forbidden", "role_not_allowed")
    assert await harness.refusal("profile.create", boss, "dead") == ("unauthenticated", "token_invalid")
    assert (await harness.ask("profile.create", boss, user_id="hr"))["result"]["role"] == "admin"


async def test_each_sees_as_much_as_each_may(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    await harness.sign_up("bob@example.org")
    public = {name: ada[name] for name in ("id", "first_name", "last_name", "created_at")}
    get = {"id": ada["id"]}

    assert (await harness.ask("profile.get", get, await harness.token("ada@example.org")))["result"] == ada
    assert (await harness.ask("profile.get", get, await harness.admin()))["result"] == ada
    assert (await harness.ask("profile.get", get, user_id="hr"))["result"] == ada
    assert (await harness.ask("profile.get", get, await harness.token("bob@example.org")))["result"] == public
    assert await harness.refusal("profile.get", get) == ("unauthenticated", "missing_token")


async def test_an_update_changes_what_it_names_and_nothing_else(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    harness.clock.advance(minutes=1)
    changes = {"first_name": "Augusta", "last_name": "King", "expected_version": 1}
    reply = await harness.ask(
        "profile.update", {"id": ada["id"]} | changes, await harness.token("ada@example.org")
    )

    assert reply["result"] == ada | {
        "first_name": "Augusta",
        "last_name": "King",
        "updated_at": "2026-11-22T12:01:00.000Z",
        "version": 2,
    }


async def test_an_administrator_changes_address_role_and_status(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    changes = {"email": "boss@example.org", "role": "admin", "status": "suspended"}
    reply = await harness.ask("profile.update", {"id": ada["id"]} | changes, await harness.admin())

    assert changes.items() <= reply["result"].items()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, ("invalid", "nothing_to_change")),
        ({"email": "new@example.org"}, ("invalid", "current_password_required")),
        (
            {"email": "new@example.org", "current_password": "wrong"},
            ("unauthenticated", "invalid_credentials"),
        ),
        ({"email": "nonsense", "current_password": PASSWORD}, ("invalid", "email_malformed")),
        ({"email": "bob@example.org", "current_password": PASSWORD}, ("conflict", "email_taken")),
        ({"first_name": "A", "expected_version": 2}, ("conflict", "stale_version")),
        ({"status": "suspended"}, ("forbidden", "not_allowed")),
        ({"first_name": None}, ("invalid", "malformed_request")),
    ],
)
async def test_an_update_is_refused_with_a_reason_of_the_contract(
    harness: MessagingHarness, changes: dict[str, Any], refusal: tuple[str, str]
) -> None:
    ada = await harness.sign_up("ada@example.org")
    await harness.sign_up("bob@example.org")
    token = await harness.token("ada@example.org")

    assert await harness.refusal("profile.update", {"id": ada["id"]} | changes, token) == refusal
    assert (await harness.ask("profile.get", {"id": ada["id"]}, token))["result"] == ada


async def test_the_owner_changes_the_address_with_the_password(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    change = {"id": ada["id"], "email": "new@example.org", "current_password": PASSWORD}
    reply = await harness.ask("profile.update", change, await harness.token("ada@example.org"))

    assert reply["result"]["email"] == "new@example.org"
    assert await harness.token("new@example.org")


async def test_a_deleted_profile_is_gone(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    token = await harness.token("ada@example.org")
    deleted = await harness.ask("profile.delete", {"id": ada["id"], "expected_version": 1}, token)

    assert deleted["result"] == {"id": ada["id"], "status": "deleted", "deleted_at": NOON}
    boss = await harness.admin()
    for queue in ("profile.get", "profile.delete", "profile.update"):
        assert await harness.refusal(queue, {"id": ada["id"]}, token) == ("unauthenticated", "session_ended")
        assert await harness.refusal(queue, {"id": ada["id"]}, boss) == ("not_found", "profile_not_found")


@pytest.mark.parametrize("queue", ["profile.get", "profile.update", "profile.delete"])
@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (None, ("unauthenticated", "missing_token")),
        ("dead", ("unauthenticated", "token_invalid")),
    ],
)
async def test_nobody_learns_whether_a_profile_is_there(
    harness: MessagingHarness, queue: str, token: str | None, refusal: tuple[str, str]
) -> None:
    ada = await harness.sign_up("ada@example.org")

    assert await harness.refusal(queue, {"id": ada["id"]}, token) == refusal
    assert await harness.refusal(queue, {"id": str(uuid4())}, token) == refusal


async def test_an_expired_token_is_called_expired(harness: MessagingHarness) -> None:
    ada = await harness.sign_up("ada@example.org")
    token = await harness.token("ada@example.org")
    harness.tokens.expire()

    assert await harness.refusal("profile.get", {"id": ada["id"]}, token) == (
        "unauthenticated",
        "token_expired",
    )


async def test_bytes_that_are_no_request_are_answered_too(harness: MessagingHarness) -> None:
    reply = await harness.ask("profile.get", {}, content_type="text/plain")

    assert reply["error"]["reason"] == "unsupported_content_type"


async def test_names_and_attributes_that_may_be_left_out_or_removed(harness: MessagingHarness) -> None:
    mononym = {"first_name": "Plato", "email": "plato@example.org", "password": PASSWORD}
    profile = (await harness.ask("profile.create", {**mononym, "attributes": {"a": 1, "b": True}}))["result"]
    token, own = await harness.token("plato@example.org"), {"id": profile["id"]}
    named = await harness.ask("profile.update", {**own, "last_name": "Aristocles"}, token)
    change = {"last_name": None, "attributes": {"a": None, "c": 1.5, "d": "x"}}
    changed = (await harness.ask("profile.update", {**own, **change}, token))["result"]
    too_many = {"attributes": {f"a{each}": each for each in range(40)}}

    assert (profile["last_name"], profile["attributes"]) == ("", {"a": 1, "b": True})
    assert (named["result"]["last_name"], named["result"]["attributes"]) == (
        "Aristocles",
        {"a": 1, "b": True},
    )
    assert (changed["last_name"], changed["attributes"]) == ("", {"b": True, "c": 1.5, "d": "x"})
    assert (await harness.ask("profile.get", own, token))["result"] == changed
    assert await harness.refusal("profile.update", {**own, **too_many}, token) == (
        "invalid",
        "attributes_too_large",
    )
    assert await harness.refusal("profile.create", {**mononym, "attributes": {"a": "x" * 4_096}}) == (
        "invalid",
        "attributes_too_large",
    )
