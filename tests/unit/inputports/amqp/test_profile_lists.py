from typing import Any

import pytest

from tests.unit.inputports.amqp.messaging_harness import MessagingHarness


async def several(harness: MessagingHarness) -> list[dict[str, Any]]:
    """Sign three users up, a minute apart, and return their profiles, the newest first."""
    made = []
    for name in ("ada", "bob", "cy"):
        made.append(await harness.sign_up(f"{name}@example.org"))
        harness.clock.advance(minutes=1)
    return made[::-1]


async def test_a_list_is_of_whole_profiles_without_a_hash(harness: MessagingHarness) -> None:
    made = await several(harness)
    reply = await harness.ask("profile.list", {}, user_id="hr")

    assert reply == {"ok": True, "result": {"items": made, "next_cursor": None}}


async def test_a_list_goes_on_where_the_cursor_says(harness: MessagingHarness) -> None:
    made, token = await several(harness), await harness.admin()
    first = (await harness.ask("profile.list", {"limit": 2, "role": "user"}, token))["result"]
    following = {"limit": 2, "role": "user", "cursor": first["next_cursor"]}
    second = (await harness.ask("profile.list", following, token))["result"]

    assert first["items"] == made[:2]
    assert second == {"items": made[2:], "next_cursor": None}


async def test_twenty_is_the_usual_size_of_a_page(harness: MessagingHarness) -> None:
    for each in range(21):
        await harness.sign_up(f"user{each}@example.org")
    page = (await harness.ask("profile.list", {}, user_id="hr"))["result"]
    whole = (await harness.ask("profile.list", {"limit": 100}, user_id="hr"))["result"]

    assert len(page["items"]) == 20
    assert page["next_cursor"]
    assert len(whole["items"]) == 21
    assert whole["next_cursor"] is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"role": "user"}, ["cy", "bob"]),
        ({"role": "admin"}, ["ada"]),
        ({"status": "suspended"}, ["bob"]),
        ({"status": "active"}, ["cy", "ada"]),
        ({"status": "suspended", "role": "admin"}, []),
        ({"email_prefix": " B"}, ["bob"]),
        ({"email_prefix": "ADA@Example"}, ["ada"]),
        ({"email_prefix": "b", "status": "active"}, []),
        ({"email_prefix": ".*"}, []),
    ],
)
async def test_filters_say_which_profiles(
    harness: MessagingHarness, filters: dict[str, Any], expected: list[str]
) -> None:
    cy, bob, ada = await several(harness)
    assert cy["status"] == "active"
    boss = await harness.admin()
    for changes in ({"id": bob["id"], "status": "suspended"}, {"id": ada["id"], "role": "admin"}):
        assert (await harness.ask("profile.update", changes, boss))["ok"]
    page = (await harness.ask("profile.list", filters, user_id="hr"))["result"]
    named = [each["email"].partition("@")[0] for each in page["items"]]

    assert [each for each in named if each in {"ada", "bob", "cy"}] == expected


@pytest.mark.parametrize("limit", [0, 101, -1, 1.5, "1", True, None])
async def test_a_limit_is_1_to_100(harness: MessagingHarness, limit: object) -> None:
    reply = await harness.ask("profile.list", {"limit": limit}, user_id="hr")

    assert reply["error"]["reason"] == "malformed_request"
    assert [each["field"] for each in reply["error"]["details"]] == ["limit"]


@pytest.mark.parametrize("status", ["deleted", "ACTIVE", ""])
async def test_a_status_is_one_that_is_in_the_list(harness: MessagingHarness, status: str) -> None:
    assert await harness.refusal("profile.list", {"status": status}, await harness.admin()) == (
        "invalid",
        "malformed_request",
    )


async def test_a_cursor_is_of_this_service_and_of_this_query(harness: MessagingHarness) -> None:
    await several(harness)
    token = await harness.admin()
    cursor = (await harness.ask("profile.list", {"limit": 1}, token))["result"]["next_cursor"]
    refused = ("invalid", "cursor_invalid")

    for body in (
        {"cursor": "garbage"},
        {"cursor": cursor[:-1]},
        {"cursor": cursor + "="},
        {"cursor": cursor, "role": "user"},
        {"cursor": cursor, "status": "active"},
        {"cursor": cursor, "email_prefix": "a"},
    ):
        assert await harness.refusal("profile.list", body, token) == refused

    error = (await harness.ask("profile.list", {"cursor": "garbage"}, token))["error"]

    assert error["details"] == [{"field": "cursor", "reason": "cursor_invalid"}]
    assert error["retryable"] is False


async def test_only_administrators_and_trusted_services_list(harness: MessagingHarness) -> None:
    await harness.sign_up("ada@example.org")
    token = await harness.token("ada@example.org")

    for body in ({}, {"email_prefix": "ada@example.org"}, {"cursor": "garbage"}):
        assert await harness.refusal("profile.list", body) == ("unauthenticated", "missing_token")
        assert await harness.refusal("profile.list", body, "dead") == ("unauthenticated", "token_invalid")
        assert await harness.refusal("profile.list", body, token) == ("forbidden", "not_allowed")
