"""`profile.list`: page by page, each profile once, and only by cursors that the service gave out."""

import asyncio
import base64
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from service.domain.email import Email
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import close_mongo, default_database, open_mongo
from tests.builders import a_profile
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.replies import PROFILE, refusal, result
from tests.integration.requests import a_request
from tools.servers.sandbox import Sandbox

MANY = 250
Body = dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def address_prefix(sandbox: Sandbox) -> str:
    """How the addresses of 250 profiles begin. They are put into the database: hashing would take minutes."""
    begin = f"many{uuid4().hex[:8]}"
    client: AsyncMongoClient[Body] = open_mongo(sandbox.mongo_url)
    profiles = MongoProfiles(default_database(client))
    emails = [Email.parse(f"{begin}.{each:03}@example.org") for each in range(MANY)]
    for start in range(0, MANY, 50):  # fewer at once than there are connections to wait for
        await asyncio.gather(*(profiles.add(a_profile(email=each)) for each in emails[start : start + 50]))
    await close_mongo(client)
    return begin


async def page(gateway: Gateway, admin: Person, **body: Any) -> Body:
    """Return a page, which has to be what the contract says."""
    found = result(await gateway.ask("profile.list", body, token=admin["token"]))
    assert found.keys() == {"items", "next_cursor"}
    assert all(each.keys() == PROFILE for each in found["items"])
    assert len(found["items"]) <= body.get("limit", 20)
    return found


async def everybody(gateway: Gateway, admin: Person, **body: Any) -> list[Body]:
    """Return what is on all pages."""
    met: list[Body] = []
    more: Body = {}
    while True:
        found = await page(gateway, admin, **body, **more)
        met += found["items"]
        if found["next_cursor"] is None:
            return met
        more = {"cursor": found["next_cursor"]}


@pytest.mark.parametrize("limit", [7, 100])
@pytest.mark.parametrize("by_address", [False, True])
async def test_each_profile_is_met_once_while_others_sign_up(
    gateway: Gateway, admin: Person, address_prefix: str, *, by_address: bool, limit: int
) -> None:
    done = asyncio.Event()

    async def sign_up() -> int:
        count = 0
        while not done.is_set():
            email = f"{address_prefix}.{count % 250:03}-{uuid4().hex}@example.org"
            result(await gateway.ask("profile.create", a_request("profile.create", email=email)))
            count += 1
        return count

    joining = [asyncio.create_task(sign_up()) for _ in range(2)]
    met = await everybody(
        gateway, admin, limit=limit, **({"email_prefix": address_prefix} if by_address else {})
    )
    done.set()
    joined = sum(await asyncio.gather(*joining))
    times = Counter(each["id"] for each in met)
    there = [
        each["email"] for each in met if each["email"].startswith(address_prefix) and "-" not in each["email"]
    ]

    assert joined > 0
    assert set(times.values()) == {1}
    assert len(there) == MANY
    if by_address:
        assert [each["email"] for each in met] == sorted(each["email"] for each in met)
    else:
        assert [each["id"] for each in met] == sorted((each["id"] for each in met), reverse=True)


@pytest.mark.parametrize("limit", [0, 101])
async def test_a_limit_out_of_bounds_is_refused(gateway: Gateway, admin: Person, limit: int) -> None:
    reply = await gateway.ask("profile.list", {"limit": limit}, token=admin["token"])

    assert refusal(reply) == ("invalid", "malformed_request")
    assert reply["error"]["details"] == [{"field": "limit", "reason": "too_large" if limit else "too_small"}]


@pytest.mark.parametrize(("body", "expected"), [({"limit": 1}, 1), ({"limit": 100}, 100), ({}, 20)])
async def test_a_page_is_as_long_as_was_asked_for(
    gateway: Gateway, admin: Person, address_prefix: str, body: Body, expected: int
) -> None:
    found = await page(gateway, admin, email_prefix=address_prefix, **body)

    assert len(found["items"]) == expected
    assert found["next_cursor"]


async def test_the_filters_go_together(gateway: Gateway, service: Gateway, admin: Person) -> None:
    begin = f"few{uuid4().hex[:8]}"
    made: dict[tuple[str, str], str] = {}
    for role in ("user", "admin"):
        for status in ("active", "suspended"):
            asked = a_request("profile.create", role=role, email=f"{begin}.{role}.{status}@example.org")
            made[role, status] = result(await service.ask("profile.create", asked))["id"]
            if status == "suspended":
                change = {"id": made[role, status], "status": status}
                result(await gateway.ask("profile.update", change, token=admin["token"]))
    for roles in (("user",), ("admin",), ("user", "admin")):
        for statuses in (("active",), ("suspended",), ("active", "suspended")):
            body: Body = {"role": roles[0]} if len(roles) == 1 else {}
            body |= {"status": statuses[0]} if len(statuses) == 1 else {}
            expected = {made[role, status] for role in roles for status in statuses}
            by_address = await everybody(gateway, admin, limit=1, email_prefix=begin, **body)
            newest = await everybody(gateway, admin, limit=100, **body)

            assert [each["id"] for each in by_address if each["id"] in expected] == [
                each["id"] for each in by_address
            ]
            assert {each["id"] for each in by_address} == expected
            assert {each["id"] for each in newest} & set(made.values()) == expected


async def test_a_deleted_profile_is_in_no_list(gateway: Gateway, admin: Person, ada: Person) -> None:
    before = await page(gateway, admin, email_prefix=ada["email"])
    result(await gateway.ask("profile.delete", {"id": ada["id"]}, token=ada["token"]))
    newest = await page(gateway, admin, limit=100)

    assert [each["id"] for each in before["items"]] == [ada["id"]]
    assert await page(gateway, admin, email_prefix=ada["email"]) == {"items": [], "next_cursor": None}
    assert ada["id"] not in {each["id"] for each in newest["items"]}


async def test_a_prefix_is_no_pattern(gateway: Gateway, admin: Person) -> None:
    begin = f"p{uuid4().hex[:8]}"
    names = [f"{begin}.a", f"{begin}*a", f"{begin}$a", f"{begin}\u00e5", f"{begin}aa"]
    for name in names:
        asked = a_request("profile.create", email=f"{name}@B\u00fccher.example")
        result(await gateway.ask("profile.create", asked))
    for prefix, expected in (
        (begin, set(names)),
        (begin.upper(), set(names)),
        (f"  {begin} ", set(names)),
        (f"{begin}.", {names[0]}),
        (f"{begin}*", {names[1]}),
        (f"{begin}$", {names[2]}),
        (f"{begin}A\u030a", {names[3]}),
        (f"{begin}.A@b\u00dcCHER.e", {names[0]}),
        (f"{begin}\\", set()),
        (f"{begin}|", set()),
        (f"^{begin}", set()),
        (f"{begin}\U0010ffff", set()),
        (f"{begin}.a@\U0010ffff", set()),
        (".", set()),
        ("\U0010ffff", set()),
        (begin + "x" * 200, set()),
    ):
        found = await everybody(gateway, admin, limit=2, email_prefix=prefix)

        assert {each["email"].partition("@")[0] for each in found} == expected, prefix


async def test_a_cursor_that_is_not_of_this_query_is_refused(
    gateway: Gateway, service: Gateway, admin: Person, address_prefix: str
) -> None:
    cursor = (await page(gateway, admin, limit=1))["next_cursor"]
    by_address = (await page(gateway, admin, limit=1, email_prefix=address_prefix))["next_cursor"]
    mutated = [
        f"{cursor[:place]}{'A' if cursor[place] != 'A' else 'B'}{cursor[place + 1 :]}"
        for place in range(len(cursor))
    ]
    garbage = (
        "garbage",
        "null",
        "\u00e9",
        "$ne",
        admin["id"],
        base64.b64encode(bytes(99)).decode(),
        "x" * 1024,
    )
    bodies: list[Body] = [
        *({"cursor": each} for each in (*mutated, *garbage)),
        *({"cursor": cursor[:length]} for length in range(1, len(cursor))),
        *({"cursor": each} for each in (cursor + "=", cursor + "A", f" {cursor}", f"{cursor}\n")),
        {"cursor": by_address},
        {"cursor": by_address, "email_prefix": address_prefix[:-1]},
        {"cursor": cursor, "email_prefix": address_prefix},
        {"cursor": cursor, "role": "user"},
        {"cursor": cursor, "status": "active"},
    ]
    replies = await asyncio.gather(
        *(gateway.ask("profile.list", body, token=admin["token"]) for body in bodies)
    )

    assert {refusal(reply) for reply in replies} == {("invalid", "cursor_invalid")}
    assert replies[0]["error"]["details"] == [{"field": "cursor", "reason": "cursor_invalid"}]
    # It is the query that it belongs to, and not whoever asked first.
    assert result(await service.ask("profile.list", {"cursor": cursor, "limit": 3}))["items"]


async def test_a_cursor_shows_nothing_of_what_it_stands_for(
    gateway: Gateway, admin: Person, address_prefix: str
) -> None:
    found = await page(gateway, admin, limit=1, email_prefix=address_prefix)
    cursor = found["next_cursor"]
    inside = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))

    assert found["items"][0]["email"].encode() not in inside
    assert address_prefix.encode() not in inside
    assert cursor != (await page(gateway, admin, limit=1, email_prefix=address_prefix))["next_cursor"]


async def test_a_full_page_of_the_longest_profiles_is_answered(
    gateway: Gateway, admin: Person, sandbox: Sandbox
) -> None:
    begin = f"long{uuid4().hex[:8]}"
    client: AsyncMongoClient[Body] = open_mongo(sandbox.mongo_url)
    profiles = MongoProfiles(default_database(client))
    domain = ".".join(["d" * 63] * 2 + ["d" * 57])
    for each in range(100):
        email = Email.parse(f"{begin}{each:03}".ljust(64, "x") + f"@{domain}")
        await profiles.add(
            a_profile(first_name="\U0001f469" * 100, last_name="\U0001f4bb" * 100, email=email)
        )
    await close_mongo(client)
    found = await page(gateway, admin, limit=100, email_prefix=begin)

    assert len(found["items"]) == 100
    assert found["next_cursor"] is None


async def test_who_may_list(
    gateway: Gateway, service: Gateway, cleaner: Gateway, ada: Person, admin: Person
) -> None:
    assert result(await gateway.ask("profile.list", {}, token=admin["token"]))["items"]
    assert result(await service.ask("profile.list", {}))["items"]
    assert refusal(await gateway.ask("profile.list", {}, token=ada["token"])) == ("forbidden", "not_allowed")
    assert refusal(await service.ask("profile.list", {}, token=ada["token"])) == ("forbidden", "not_allowed")
    for nobody in (gateway, cleaner):
        assert refusal(await nobody.ask("profile.list", {})) == ("unauthenticated", "missing_token")
