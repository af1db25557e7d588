"""A support desk over AMQP: a user is found, her sessions are seen and ended, she is exported and erased."""

import asyncio
from typing import Any

from tests.integration.gateway import Gateway
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import guess, logged_in, refused, signed_up, verdict
from tests.integration.replies import PROFILE, moment, refusal, result
from tests.integration.requests import a_request

AGENT = "Mozilla/5.0 (X11; Linux x86_64)"


async def sessions(gateway: Gateway, **how: Any) -> list[dict[str, Any]]:
    """Return the sessions that are listed."""
    user = {"user_id": how.pop("user_id")} if "user_id" in how else {}
    found: list[dict[str, Any]] = result(await gateway.ask("auth.sessions", user, **how))["items"]
    return found


async def test_a_user_sees_where_she_is_logged_in_and_ends_one_of_her_sessions(trusting: IsolatedEnv) -> None:
    ada = await signed_up(trusting.service)
    first = await logged_in(trusting.gateway, ada)
    headers = {"x-client-ip": "192.0.2.7", "x-user-agent": AGENT}
    credentials = {"email": ada["email"], "password": ada["password"]}
    second = result(await trusting.service.ask("auth.login", credentials, headers=headers))
    mine = await sessions(trusting.gateway, token=second["access_token"])
    other = await trusting.gateway.ask(
        "auth.logout", {"session_id": mine[1]["id"]}, token=second["access_token"]
    )

    assert [each.pop("current") for each in mine] == [True, False]
    assert {each: mine[0][each] for each in ("client_ip", "user_agent")} == {
        "client_ip": "192.0.2.7",
        "user_agent": AGENT,
    }
    assert mine[1].keys() == {"id", "created_at", "last_used_at"}
    assert moment(mine[1]["created_at"]) <= moment(mine[0]["last_used_at"])
    assert mine[0]["id"] == (await verdict(trusting.gateway, second["access_token"]))["sid"]
    assert result(other) == {"revoked": 1}
    assert await refused(trusting.gateway, first) == "refresh_token_invalid"
    assert [each["id"] for each in await sessions(trusting.service, user_id=ada["id"])] == [mine[0]["id"]]


async def test_an_administrator_unlocks_an_account_and_logs_its_user_out(trusting: IsolatedEnv) -> None:
    ada, grace = await signed_up(trusting.service), await signed_up(trusting.service, role="admin")
    admin = (await logged_in(trusting.gateway, grace))["access_token"]
    tokens = await logged_in(trusting.gateway, ada)
    for _ in range(10):
        await guess(trusting.gateway, ada["email"])
    assert refusal(await guess(trusting.gateway, ada["email"], ada["password"]))[1] == "too_many_attempts"
    unlocked = await trusting.gateway.ask("auth.unlock", {"id": ada["id"]}, token=admin)
    again = await logged_in(trusting.gateway, ada)
    everywhere = {"user_id": ada["id"], "scope": "global"}
    ended = await trusting.gateway.ask("auth.logout", everywhere, token=admin)

    assert result(unlocked) == {}
    assert result(ended) == {"revoked": 2}
    for each in (tokens, again):
        assert await verdict(trusting.gateway, each["access_token"]) == {"active": False}
    assert (await verdict(trusting.gateway, admin))["active"]
    assert await logged_in(trusting.gateway, ada)


async def test_a_deleted_user_is_found_restored_exported_and_erased(trusting: IsolatedEnv) -> None:
    ada = await signed_up(trusting.service)
    token = (await logged_in(trusting.gateway, ada))["access_token"]
    for _ in range(3):
        result(await trusting.gateway.ask("post.create", a_request("post.create"), token=token))
    own = {"id": ada["id"]}
    page = result(await trusting.gateway.ask("profile.export", {**own, "limit": 2}, token=token))
    more = {**own, "limit": 2, "cursor": page["next_cursor"]}
    last = result(await trusting.gateway.ask("profile.export", more, token=token))
    result(await trusting.gateway.ask("profile.delete", own, token=token))
    spelt = {"email": ada["email"].upper()}
    gone = await trusting.service.ask("profile.find", spelt)
    found = result(await trusting.service.ask("profile.find", {**spelt, "include_deleted": True}))
    restored = await asyncio.gather(
        *(trusting.service.ask("profile.restore", own, message_id=f"restore {own['id']}") for _ in range(3))
    )
    again = await trusting.service.ask("profile.restore", own)
    erased = [result(await trusting.service.ask("profile.erase", own)) for _ in range(2)]
    left = result(await trusting.service.ask("profile.export", own))

    assert (page["profile"]["email"], len(page["posts"]), len(last["posts"])) == (ada["email"], 2, 1)
    assert last["next_cursor"] is None
    assert [each["user_id"] for each in page["sessions"]] == [ada["id"]]
    assert moment(page["profile"]["created_at"]) <= moment(page["posts"][0]["created_at"])
    assert "$2b$" not in repr(page)
    assert refusal(gone) == ("not_found", "profile_not_found")
    assert found.keys() == PROFILE
    assert (found["id"], found["status"]) == (ada["id"], "deleted")
    assert [(result(each)["status"], result(each)["version"]) for each in restored] == [("active", 3)] * 3
    assert refusal(again) == ("conflict", "not_deleted")
    assert erased[0] == erased[1]
    assert (erased[0]["status"], erased[0]["version"]) == ("erased", 4)
    assert (left["profile"]["email"], left["sessions"]) == ("", [])
    assert refusal(await trusting.service.ask("profile.find", {**spelt, "include_deleted": True}))[1] == (
        "profile_not_found"
    )
