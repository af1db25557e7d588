"""Many at once: one address, one profile, one version."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.posts import CreatePost
from tests.builders import an_address
from tests.integration.clients.subjects import PASSWORD, a_sign_up
from tests.integration.conftest import Person, SignUp, settings_for
from tests.integration.gateway import Gateway
from tests.integration.replies import result
from tests.integration.requests import a_request
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers


def _outcomes(replies: list[dict[str, Any]]) -> Counter[str]:
    return Counter("ok" if reply["ok"] else reply["error"]["reason"] for reply in replies)


async def test_one_of_a_hundred_gets_an_address_in_mixed_case(gateway: Gateway) -> None:
    local, _, domain = an_address().partition("@")
    spellings = (
        "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(local[:7]))
        for number in range(100)
    )
    addresses = [f"{spelling}{local[7:]}@{domain}" for spelling in spellings]
    replies = await asyncio.gather(
        *(
            gateway.ask("profile.create", a_request("profile.create", email=each), timeout=60)
            for each in addresses
        )
    )

    assert _outcomes(replies) == {"ok": 1, "email_taken": 99}


async def test_fifty_writers_without_a_version_leave_no_gap(gateway: Gateway, ada: Person) -> None:
    replies = await asyncio.gather(
        *(
            gateway.ask("profile.update", {"id": ada["id"], "last_name": f"King {n}"}, token=ada["token"])
            for n in range(50)
        )
    )
    outcomes = _outcomes(replies)
    versions = sorted(reply["result"]["version"] for reply in replies if reply["ok"])
    profile = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))

    assert outcomes.keys() <= {"ok", "too_many_writers"}
    assert all(reply["ok"] or reply["error"]["retryable"] for reply in replies)
    assert versions == list(range(2, 2 + outcomes["ok"]))
    assert profile["version"] == versions[-1]


async def test_one_of_twenty_writers_with_the_same_version_wins(gateway: Gateway, ada: Person) -> None:
    replies = await asyncio.gather(
        *(
            gateway.ask(
                "profile.update",
                {"id": ada["id"], "last_name": f"King {n}", "expected_version": 1},
                token=ada["token"],
            )
            for n in range(20)
        )
    )
    (winner,) = (reply["result"] for reply in replies if reply["ok"])
    profile = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))

    assert _outcomes(replies) == {"ok": 1, "stale_version": 19}
    assert profile == winner
    assert profile["version"] == 2


async def test_one_of_twenty_deletes_a_profile(gateway: Gateway, ada: Person, admin: Person) -> None:
    replies = await asyncio.gather(
        *(gateway.ask("profile.delete", {"id": ada["id"]}, token=admin["token"]) for _ in range(20))
    )
    outcomes = _outcomes(replies)

    assert outcomes == {"ok": 1, "profile_not_found": 19}


async def test_two_profiles_cannot_change_to_one_address(
    gateway: Gateway, ada: Person, admin: Person, sign_up: SignUp
) -> None:
    other, address = await sign_up(), an_address()
    replies = await asyncio.gather(
        *(
            gateway.ask("profile.update", {"id": each["id"], "email": spelling}, token=admin["token"])
            for each, spelling in ((ada, address), (other, address.upper())) * 5
        )
    )
    outcomes = _outcomes(replies)

    assert outcomes["email_taken"] == 5
    assert outcomes["ok"] == 5


async def test_all_of_two_hundred_posts_of_one_user_are_written_by_two_workers(
    servers: Servers, tmp_path: Path
) -> None:
    """Each is written in a transaction that writes to the profile of that user, too."""
    async with AsyncExitStack() as stack:
        sandbox = stack.enter_context(isolated_sandbox(servers))
        for name in ("first", "second"):
            await stack.enter_async_context(working(sandbox, tmp_path, settings_for(sandbox), name))
        # It is not the time that matters: on an idle machine three seconds, and on a busy one more than ten.
        client = await stack.enter_async_context(ProfileClient(sandbox.gateway_url, timeout=60))
        profile = await client.create_profile(a_sign_up())
        login = LogIn(email=profile.email, password=PASSWORD)
        token = (await client.log_in(login)).access_token
        posts = [CreatePost(title=f"Note {each}", body="It weaves.") for each in range(200)]
        made = await asyncio.gather(*(client.create_post(each, token) for each in posts))

    assert sorted(each.title for each in made) == sorted(each.title for each in posts)
