from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenInvalid, TrustedService
from service.app.auth.permissions import NotAllowed
from service.app.ids import new_id
from service.app.paging import CursorInvalid, Page, PageRequest
from service.app.queries.list_profiles import ListProfiles, ListProfilesHandler
from service.domain.email import Email
from service.domain.errors import ServiceError
from service.domain.profile import Profile, ProfileFilter, Role, Status
from service.infrastructure.security.cursors import SealedCursors
from tests.builders import NOON, a_profile, a_user
from tests.fakes.keys import in_use
from tests.fakes.profiles import FakeProfiles

PEOPLE = [
    a_profile(
        id=new_id(NOON + timedelta(seconds=each)),
        email=Email.parse(f"user{9 - each}@example.org"),
        role=Role.ADMIN if each % 2 else Role.USER,
        status=Status.SUSPENDED if each < 3 else Status.ACTIVE,
    )
    for each in range(10)
]
DELETED = a_profile(status=Status.DELETED, deleted_at=NOON, email=Email.parse("user@example.org"))
CURSORS = SealedCursors(in_use(b"k" * 32))
LIST = ListProfilesHandler(FakeProfiles(*PEOPLE, DELETED), CURSORS)
ADMIN = a_user(role=Role.ADMIN)


async def page(page_request: PageRequest, actor: Actor = ADMIN, **filters: Any) -> Page[Profile]:
    """Return a page of what *actor* may see."""
    return await LIST.handle(
        ListProfiles(actor=actor, page_request=page_request, filters=ProfileFilter(**filters))
    )


async def everybody(limit: int, **filters: Any) -> Sequence[Profile]:
    """Return what is on all pages."""
    found: list[Profile] = []
    cursor = None
    while True:
        part = await page(PageRequest(limit, cursor), **filters)
        found += part.items
        assert len(part.items) <= limit
        if (cursor := part.next_cursor) is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11, 100])
async def test_the_newest_is_the_first(limit: int) -> None:
    assert await everybody(limit) == PEOPLE[::-1]


@pytest.mark.parametrize("limit", [1, 3, 10, 100])
async def test_with_a_prefix_it_is_by_address(limit: int) -> None:
    assert await everybody(limit, email_prefix="user") == sorted(PEOPLE, key=lambda each: each.email.key)
    assert await everybody(limit, email_prefix="user1") == [PEOPLE[8]]


async def test_the_filters_go_together() -> None:
    for status, role in product((None, Status.ACTIVE, Status.SUSPENDED), (None, *Role)):
        expected = [each for each in PEOPLE if status in (None, each.status) and role in (None, each.role)]

        assert await everybody(2, status=status, role=role) == expected[::-1]
        assert await everybody(2, status=status, role=role, email_prefix="u") == expected[::-1]


async def test_the_deleted_are_in_no_list() -> None:
    assert DELETED not in await everybody(100)
    assert await everybody(100, status=Status.DELETED) == []


@pytest.mark.parametrize("actor", [ADMIN, TrustedService("billing")])
async def test_administrators_and_trusted_services_may_list(actor: Actor) -> None:
    assert len((await page(PageRequest(4), actor)).items) == 4


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [
        (Anonymous(), MissingToken),
        (Anonymous(auth_error=TokenInvalid()), TokenInvalid),
        (a_user(), NotAllowed),
        (a_user(PEOPLE[0].id), NotAllowed),
    ],
)
async def test_nobody_else_may_nor_learns_whether_a_cursor_is_good(
    actor: Actor, refusal: type[ServiceError]
) -> None:
    good = (await page(PageRequest(4))).next_cursor
    for cursor in (None, "garbage", good):
        with pytest.raises(refusal):
            await page(PageRequest(1, cursor), actor)


async def test_a_cursor_is_good_for_its_own_query_only() -> None:
    several: list[dict[str, Any]] = [
        {"status": status, "role": role, "email_prefix": prefix}
        for status in (None, Status.ACTIVE, Status.SUSPENDED)
        for role in (None, *Role)
        for prefix in (None, "user", "use")
    ]
    for filters in several:
        cursor = (await page(PageRequest(1), **filters)).next_cursor
        if cursor is None:  # the only one of its kind
            assert len(await everybody(100, **filters)) == 1
            continue
        for others in several:
            if others == filters:
                assert (await page(PageRequest(1, cursor), **others)).items
            else:
                with pytest.raises(CursorInvalid):
                    await page(PageRequest(1, cursor), **others)


async def test_a_cursor_is_good_for_another_limit_and_for_ever() -> None:
    cursor = (await page(PageRequest(4))).next_cursor

    for limit in (1, 2, 100, 1):
        assert list((await page(PageRequest(limit, cursor))).items) == PEOPLE[5::-1][:limit]


async def test_who_is_added_meanwhile_shifts_nobody() -> None:
    profiles = FakeProfiles(*PEOPLE)
    handler = ListProfilesHandler(profiles, CURSORS)
    met: list[UUID] = []
    page_request = PageRequest(3)
    while True:
        part = await handler.handle(ListProfiles(actor=ADMIN, page_request=page_request))
        met += [each.id for each in part.items]
        await profiles.add(a_profile(id=new_id(NOON + timedelta(hours=1))))
        await profiles.add(a_profile(id=new_id(NOON - timedelta(hours=1))))
        if (cursor := part.next_cursor) is None or len(met) > 50:
            break
        page_request = replace(page_request, cursor=cursor)

    assert [each for each in met if each in {known.id for known in PEOPLE}] == [
        each.id for each in PEOPLE[::-1]
    ]
    assert len(met) == len(set(met))
