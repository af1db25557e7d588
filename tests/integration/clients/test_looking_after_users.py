"""Whoever speaks for the service lets operators find, restore, export and erase users by the same rules."""

from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import uuid4

from profile_contracts.auth import ListSessions, LogIn, LogOut, Scope, StartVerification, UnlockAccount
from profile_contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from profile_contracts.posts import CreatePost, DeletePost, ListPosts, Post
from profile_contracts.profiles import (
    DeleteProfile,
    EraseProfile,
    ExportProfile,
    FindProfile,
    RestoreProfile,
    SettableStatus,
    Status,
    UpdateProfile,
)
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.subjects import PASSWORD, Person, Subject, a_sign_up
from tests.integration.gateway import eventually


async def _written(subject: Subject, person: Person, count: int) -> list[Post]:
    """Return so many posts; the last one is deleted."""
    post = CreatePost(title="Note G", body="It weaves.")
    posts = [await subject.api.create_post(post, person.token) for _ in range(count)]
    await subject.api.delete_post(DeletePost(id=posts[-1].id), person.token)
    return posts


async def _exported(subject: Subject, person: Person, token: str) -> list[dict[str, Any]]:
    """Return all posts that are held of a user, by pages of two."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        request = ExportProfile(id=person.id, limit=2, cursor=cursor)
        page = await subject.api.export_profile(request, token)
        found += page.posts
        cursor = page.next_cursor
        if cursor is None:
            return found


def _asked_of(subject: Subject, who: Person, token: str | None) -> Sequence[Awaitable[object]]:
    """Return calls about a user that operators may make."""
    api = subject.api
    return (
        api.find_profile(FindProfile(email=who.email), token),
        api.restore_profile(RestoreProfile(id=who.id), token),
        api.erase_profile(EraseProfile(id=who.id), token),
        api.export_profile(ExportProfile(id=who.id), token),
        api.list_sessions(ListSessions(user_id=who.id), token),
        api.unlock_account(UnlockAccount(id=who.id), token),
        api.start_verification(StartVerification(id=who.id), token),
    )


async def test_nobody_but_operators_looks_after_others(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    for call in _asked_of(subject, person, None):
        async with refusing(Unauthenticated, "missing_token"):
            await call
    for call in _asked_of(subject, person, other.token):
        async with refusing(Forbidden, "not_allowed"):
            await call
    async with refusing(Forbidden, "not_allowed"):
        await subject.api.log_out(LogOut(user_id=person.id, scope=Scope.GLOBAL), other.token)


async def test_operators_find_nothing_where_nobody_is(subject: Subject) -> None:
    admin = await subject.admin()
    nobody = Person(
        admin.profile.model_copy(update={"id": uuid4(), "email": "nobody@example.org"}), admin.tokens
    )
    for call in _asked_of(subject, nobody, admin.token):
        async with refusing(NotFound, "profile_not_found", "id"):
            await call
    async with refusing(Invalid, "email_malformed", "email"):
        await subject.api.find_profile(FindProfile(email="no address"), admin.token)


async def test_who_has_an_address_is_found_before_who_had_it(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    spelt = person.email.upper()
    now, ever = FindProfile(email=spelt), FindProfile(email=spelt, include_deleted=True)

    assert await subject.api.find_profile(now, admin.token) == person.profile
    await subject.api.delete_profile(DeleteProfile(id=person.id), person.token)
    assert await reason_of(subject.api.find_profile(now, admin.token)) == "profile_not_found"
    deleted = await subject.api.find_profile(ever, admin.token)
    assert (deleted.id, deleted.status, deleted.version) == (person.id, Status.DELETED, 2)
    next_one = await subject.api.create_profile(a_sign_up(email=person.email))
    assert await subject.api.find_profile(ever, admin.token) == next_one
    async with refusing(Conflict, "email_taken", "email"):
        await subject.api.restore_profile(RestoreProfile(id=person.id), admin.token)


async def test_who_is_restored_has_the_posts_again_that_went_along(subject: Subject) -> None:
    person, admin, key = await subject.person(), await subject.admin(), uuid4().hex
    kept, _ = await _written(subject, person, 2)
    suspend = UpdateProfile(id=person.id, status=SettableStatus.SUSPENDED)
    await subject.api.update_profile(suspend, admin.token)
    await subject.api.delete_profile(DeleteProfile(id=person.id), admin.token)

    async def listed() -> tuple[Post, ...]:
        return (await subject.api.list_posts(ListPosts(user_id=person.id))).items

    async def are_gone() -> bool:
        return await listed() == ()

    assert await eventually(are_gone)
    async with refusing(Conflict, "stale_version", "expected_version"):
        stale = RestoreProfile(id=person.id, expected_version=2)
        await subject.api.restore_profile(stale, admin.token)
    request = RestoreProfile(id=person.id, expected_version=3)
    restored = [
        await subject.api.restore_profile(request, admin.token, idempotency_key=key) for _ in range(2)
    ]

    assert restored[0] == restored[1]
    assert (restored[0].status, restored[0].version) == (Status.SUSPENDED, 4)
    async with refusing(Conflict, "not_deleted"):
        await subject.api.restore_profile(RestoreProfile(id=person.id), admin.token)
    async with refusing(Conflict, "message_id_reused"):
        other = RestoreProfile(id=person.id, expected_version=4)
        await subject.api.restore_profile(other, admin.token, idempotency_key=key)
    posts = await eventually(listed)
    assert [(each.id, each.title, each.version) for each in posts] == [(kept.id, "Note G", 3)]
    await subject.api.delete_profile(DeleteProfile(id=person.id), admin.token)
    async with refusing(NotFound, "profile_not_found", "id"):
        await subject.api.restore_profile(request, admin.token, idempotency_key=key)


async def test_all_that_is_held_is_exported_page_by_page(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    written = await _written(subject, person, 3)
    page = await subject.api.export_profile(ExportProfile(id=person.id, limit=1), person.token)
    posts = await _exported(subject, person, person.token)

    shown = {"id": str(person.id), "email": person.email, "status": "active", "version": 1}
    assert shown.items() <= page.profile.items()
    assert [each["user_id"] for each in page.sessions] == [str(person.id)]
    assert [each["id"] for each in posts] == sorted(str(each.id) for each in written)
    assert {each["status"] for each in posts} == {"active", "deleted"}
    assert {each["body"] for each in posts} == {"It weaves."}
    assert PASSWORD.get_secret_value() not in repr(page.profile)
    async with refusing(Invalid, "cursor_invalid", "cursor"):
        other = ExportProfile(id=admin.id, cursor=page.next_cursor)
        await subject.api.export_profile(other, admin.token)


async def test_of_who_is_erased_a_name_is_left_and_of_the_posts_too(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    await _written(subject, person, 2)
    async with refusing(Conflict, "stale_version", "expected_version"):
        await subject.api.erase_profile(EraseProfile(id=person.id, expected_version=2), admin.token)
    requests = [EraseProfile(id=person.id), EraseProfile(id=person.id, expected_version=1)]
    erased = [await subject.api.erase_profile(each, admin.token) for each in requests * 2]

    assert erased == erased[:1] * 4
    assert (erased[0].id, erased[0].status, erased[0].version) == (person.id, "erased", 2)
    async with refusing(Conflict, "stale_version", "expected_version"):
        await subject.api.erase_profile(EraseProfile(id=person.id, expected_version=3), admin.token)
    async with refusing(Conflict, "not_deleted"):
        await subject.api.restore_profile(RestoreProfile(id=person.id), admin.token)
    ever = FindProfile(email=person.email, include_deleted=True)
    assert await reason_of(subject.api.find_profile(ever, admin.token)) == "profile_not_found"
    log_in = subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    assert await reason_of(log_in) == "invalid_credentials"
    left = await subject.api.export_profile(ExportProfile(id=person.id), admin.token)
    blank = {"first_name": "", "last_name": "", "email": "", "status": "erased"}
    assert blank.items() <= left.profile.items()
    assert left.sessions == ()

    async def texts() -> set[tuple[str, str]]:
        posts = await _exported(subject, person, admin.token)
        return {(each["title"] + each["body"], each["status"]) for each in posts}

    async def are_erased() -> bool:
        return await texts() == {("", "erased")}

    assert await eventually(are_erased)
