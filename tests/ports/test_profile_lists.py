from collections.abc import Iterable
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from service.app.ids import new_id
from service.domain.email import Email, email_prefix
from service.domain.profile import Profile, ProfileFilter, ProfilePatch, ProfileRepository, Role, Status
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import Documents
from tests.builders import NOON, a_profile
from tests.fakes.profiles import FakeProfiles
from tests.ports.conftest import emptied

LATER = NOON + timedelta(hours=1)
ALL = ProfileFilter()


@pytest.fixture
def fake_profiles() -> ProfileRepository:
    return FakeProfiles()


@pytest_asyncio.fixture
async def pymongo_profiles(
    pymongo_client: AsyncMongoClient[Documents], spare_database: str
) -> ProfileRepository:
    return MongoProfiles(await emptied(pymongo_client, spare_database))


@pytest_asyncio.fixture
async def motor_profiles(motor_client: AsyncMongoClient[Documents], spare_database: str) -> ProfileRepository:
    return MongoProfiles(await emptied(motor_client, spare_database))


@pytest.fixture(params=["fake", "pymongo", "motor"])
def profiles(request: pytest.FixtureRequest) -> ProfileRepository:
    """A repository that nobody else uses."""
    filters: ProfileRepository = request.getfixturevalue(f"{request.param}_profiles")
    return filters


async def stored(profiles: ProfileRepository, number: int, **changes: Any) -> Profile:
    """Return a profile in *profiles* that was made so many seconds after noon."""
    made = {"id": new_id(NOON + timedelta(seconds=number)), "email": Email.parse(f"u{number:03}@example.org")}
    profile = a_profile(**{**made, **changes})
    await profiles.add(profile)
    return profile


async def through(profiles: ProfileRepository, filters: ProfileFilter, limit: int) -> list[Profile]:
    """Return what is met by going through the list, so many at a time."""
    met: list[Profile] = []
    after = None
    while found := await profiles.list(filters, after, limit):
        assert len(found) <= limit
        met += found
        after = filters.position(found[-1])
    return met


def ids(found: Iterable[Profile]) -> list[UUID]:
    """Return the ids of profiles."""
    return [each.id for each in found]


async def test_a_list_of_nobody_is_empty(profiles: ProfileRepository) -> None:
    assert await profiles.list(ALL, None, 10) == []
    assert await profiles.list(ProfileFilter(email_prefix="a"), None, 10) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_the_newest_is_the_first_whatever_the_size_of_a_page(
    profiles: ProfileRepository, limit: int
) -> None:
    made = [await stored(profiles, number) for number in (3, 1, 6, 2, 5, 4, 0)]
    newest_first = sorted(made, key=lambda each: each.id, reverse=True)

    assert await through(profiles, ALL, limit) == newest_first
    assert [each.email.key for each in newest_first] == [
        f"u{each:03}@example.org" for each in range(6, -1, -1)
    ]


async def test_ids_of_one_millisecond_have_an_order_too(profiles: ProfileRepository) -> None:
    extremes = [UUID(int=0), UUID(int=1), UUID(int=2**127), UUID(int=2**128 - 1), UUID(int=0xFF << 56)]
    made = [*extremes, *(new_id(NOON) for _ in range(20))]
    for number, each in enumerate(made):
        await stored(profiles, number, id=each)

    assert ids(await through(profiles, ALL, 2)) == sorted(made, reverse=True)


async def test_a_list_by_address_is_in_the_order_of_keys(profiles: ProfileRepository) -> None:
    for number, local in enumerate(["ab", "aa", "aB2", "a", "a.b", "\u00e4", "b", "a\U00020000", "a\uff5e"]):
        await stored(profiles, number, email=Email.parse(f"{local}@example.org"))
    expected = ["a", "a.b", "aa", "ab", "ab2", "a\U00020000", "a~"]

    for limit in (1, 2, 100):
        found = await through(profiles, ProfileFilter(email_prefix="a"), limit)
        assert [each.email.key for each in found] == sorted(f"{each}@example.org" for each in expected)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        (".", set()),
        ("a.", {"a.b@x.org"}),
        ("a*", {"a*b@x.org"}),
        ("a$", {"a$b@x.org"}),
        ("^a", set()),
        ("a|b", set()),
        ("a\\", set()),
        ("(a", set()),
        ("A+", {"a+b@x.org"}),
        ("A\u030a", {"\u00e5@x.org"}),
        ("\U0010ffff", set()),
        ("a\U0010ffff", set()),
        ("\ud7ff", set()),
        ("a.b@", {"a.b@x.org"}),
        ("a.b@X.O", {"a.b@x.org"}),
        ("a.b@x.org", {"a.b@x.org"}),
        ("a.b@x.orgs", set()),
        ("b@B\u00dcCHER.e", {"b@xn--bcher-kva.example"}),
        ("b@xn--b", {"b@xn--bcher-kva.example"}),
        ("b@b", set()),
        ("a" * 254, set()),
        ("\0", set()),
    ],
)
async def test_a_prefix_is_no_pattern(profiles: ProfileRepository, prefix: str, expected: set[str]) -> None:
    locals_ = ("a.b", "a*b", "a$b", "a+b", "\u00e5", "xa.b")
    addresses = [*(f"{each}@x.org" for each in locals_), "b@b\u00fccher.example"]
    for number, address in enumerate(addresses):
        await stored(profiles, number, email=Email.parse(address))
    filters = ProfileFilter(email_prefix=email_prefix(prefix))

    assert {each.email.key for each in await through(profiles, filters, 1)} == expected


async def test_the_filters_go_together(profiles: ProfileRepository) -> None:
    kinds = list(product((Status.ACTIVE, Status.SUSPENDED), Role, ("u00", "u01")))
    made = []
    for number, (status, role, begin) in enumerate(kinds * 2):
        email = Email.parse(f"{begin}{number:02}@example.org")
        made.append(await stored(profiles, number, status=status, role=role, email=email))
    for status, role, prefix in product((None, *Status), (None, *Role), (None, "u", "u01")):
        filters = ProfileFilter(status=status, role=role, email_prefix=prefix)
        expected = [
            each
            for each in made
            if status in (None, each.status)
            and role in (None, each.role)
            and each.email.key.startswith(prefix or "")
        ]
        if prefix is None:
            expected.sort(key=lambda each: each.id, reverse=True)
        else:
            expected.sort(key=lambda each: each.email.key)

        assert await through(profiles, filters, 3) == expected


async def test_the_deleted_are_in_no_list(profiles: ProfileRepository) -> None:
    ada, bob = await stored(profiles, 1), await stored(profiles, 2)
    await profiles.save(ada.deleted(LATER))

    assert await profiles.list(ALL, None, 10) == [bob]
    assert await profiles.list(ProfileFilter(email_prefix="u"), None, 10) == [bob]
    assert await profiles.list(ProfileFilter(status=Status.DELETED), None, 10) == []
    assert await profiles.list(ProfileFilter(status=Status.DELETED, email_prefix="u"), None, 10) == []


async def test_a_list_goes_on_after_one_that_is_gone(profiles: ProfileRepository) -> None:
    made = [await stored(profiles, number) for number in range(5)]
    for filters, expected in ((ALL, made[1::-1]), (ProfileFilter(email_prefix="u"), made[3:])):
        assert await profiles.list(filters, filters.position(made[2]), 10) == expected
    await profiles.save(made[2].deleted(LATER))
    for filters, expected in ((ALL, made[1::-1]), (ProfileFilter(email_prefix="u"), made[3:])):
        assert await profiles.list(filters, filters.position(made[2]), 10) == expected


async def test_a_change_is_in_the_list_at_once(profiles: ProfileRepository) -> None:
    ada = await stored(profiles, 1)
    await profiles.save(changed := ada.updated(ProfilePatch(status=Status.SUSPENDED), LATER))

    assert await profiles.list(ProfileFilter(status=Status.ACTIVE), None, 10) == []
    assert await profiles.list(ProfileFilter(status=Status.SUSPENDED), None, 10) == [changed]


@pytest.mark.parametrize("filters", [ALL, ProfileFilter(email_prefix="u")], ids=["newest", "by address"])
async def test_who_is_there_throughout_is_met_once(
    profiles: ProfileRepository, filters: ProfileFilter
) -> None:
    """Between two pages some are added before, between and after, and some go away."""
    there = [await stored(profiles, number) for number in range(100, 130)]
    leaving = [await stored(profiles, number) for number in range(200, 210)]
    met: list[UUID] = []
    after, added = None, 0
    while found := await profiles.list(filters, after, 4):
        met += ids(found)
        after = filters.position(found[-1])
        if leaving:
            await profiles.save(leaving.pop().deleted(LATER))
            for number in (added, 140 + added, 300 + added):
                await stored(profiles, number)
            added += 1

    assert len(met) == len(set(met))
    assert set(met) >= set(ids(there))
