"""Whoever speaks for the service shows, changes and deletes profiles by the same rules."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from profile_contracts.auth import LogIn
from profile_contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from profile_contracts.posts import CreatePost, ListPosts
from profile_contracts.profiles import (
    DeleteProfile,
    GetProfile,
    ListProfiles,
    Profile,
    PublicProfile,
    Role,
    SettableStatus,
    Status,
    UpdateProfile,
)
from tests.builders import an_address
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.subjects import PASSWORD, Subject, a_sign_up
from tests.integration.gateway import eventually


async def test_a_profile_is_shown_as_whoever_asks_may_see_it(subject: Subject) -> None:
    person, other, admin = await subject.person(), await subject.person(), await subject.admin()
    ask = GetProfile(id=person.id)

    assert await subject.api.get_profile(ask, person.token) == person.profile
    assert await subject.api.get_profile(ask, admin.token) == person.profile
    public = await subject.api.get_profile(ask, other.token)
    assert isinstance(public, PublicProfile)
    assert not isinstance(public, Profile)


async def test_who_is_not_known_sees_nothing(subject: Subject) -> None:
    person = await subject.person()
    async with refusing(Unauthenticated, "missing_token"):
        await subject.api.get_profile(GetProfile(id=person.id))
    async with refusing(Unauthenticated, "token_invalid"):
        await subject.api.get_profile(GetProfile(id=person.id), "not.a.token")
    async with refusing(NotFound, "profile_not_found", "id"):
        await subject.api.get_profile(GetProfile(id=uuid4()), person.token)


async def test_a_change_makes_the_next_version(subject: Subject) -> None:
    person = await subject.person()
    changed = await subject.api.update_profile(UpdateProfile(id=person.id, last_name="King"), person.token)
    same = await subject.api.update_profile(UpdateProfile(id=person.id, last_name="King"), person.token)

    assert (changed.last_name, changed.first_name, changed.version) == ("King", "Ada", 2)
    assert changed.updated_at >= person.profile.updated_at
    assert same == changed


async def test_null_takes_a_last_name_away_and_all_else_stays(subject: Subject) -> None:
    person = await subject.person()
    changed = await subject.api.update_profile(UpdateProfile(id=person.id, last_name=None), person.token)

    assert (changed.last_name, changed.first_name, changed.version) == ("", "Ada", 2)
    assert changed.email == person.email


async def test_a_change_for_another_version_is_refused(subject: Subject) -> None:
    person = await subject.person()
    stale = UpdateProfile(id=person.id, expected_version=2, last_name="King")
    async with refusing(Conflict, "stale_version", "expected_version"):
        await subject.api.update_profile(stale, person.token)
    async with refusing(Conflict, "stale_version", "expected_version"):
        await subject.api.delete_profile(DeleteProfile(id=person.id, expected_version=2), person.token)


async def test_a_change_of_nothing_is_refused(subject: Subject) -> None:
    person = await subject.person()
    async with refusing(Invalid, "nothing_to_change"):
        await subject.api.update_profile(UpdateProfile(id=person.id), person.token)


async def test_others_change_and_delete_nothing(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    for call in (
        subject.api.update_profile(UpdateProfile(id=person.id, last_name="King"), other.token),
        subject.api.delete_profile(DeleteProfile(id=person.id), other.token),
        subject.api.list_profiles(ListProfiles(), other.token),
        subject.api.update_profile(UpdateProfile(id=other.id, role=Role.ADMIN), other.token),
        subject.api.update_profile(UpdateProfile(id=other.id, status=SettableStatus.ACTIVE), other.token),
    ):
        async with refusing(Forbidden, "not_allowed"):
            await call
    for call in (
        subject.api.update_profile(UpdateProfile(id=uuid4(), last_name="King"), other.token),
        subject.api.delete_profile(DeleteProfile(id=uuid4()), other.token),
    ):
        async with refusing(NotFound, "profile_not_found", "id"):
            await call


async def test_an_address_is_changed_only_by_who_knows_the_password(subject: Subject) -> None:
    person, new = await subject.person(), an_address()
    async with refusing(Invalid, "current_password_required", "current_password"):
        await subject.api.update_profile(UpdateProfile(id=person.id, email=new), person.token)
    async with refusing(Unauthenticated, "invalid_credentials"):
        wrong = UpdateProfile(id=person.id, email=new, current_password=SecretStr("not that one"))
        await subject.api.update_profile(wrong, person.token)
    right = UpdateProfile(id=person.id, email=new, current_password=PASSWORD)
    await subject.api.update_profile(right, person.token)

    assert (await subject.api.log_in(LogIn(email=new, password=PASSWORD))).profile_id == person.id
    old = LogIn(email=person.email, password=PASSWORD)
    assert await reason_of(subject.api.log_in(old)) == "invalid_credentials"


async def test_an_address_is_not_changed_to_that_of_somebody_else(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    async with refusing(Conflict, "email_taken", "email"):
        change = UpdateProfile(id=person.id, email=other.email.upper(), current_password=PASSWORD)
        await subject.api.update_profile(change, person.token)


async def test_a_change_that_is_repeated_shows_the_profile_as_it_is_now(subject: Subject) -> None:
    person, key = await subject.person(), uuid4().hex
    change = UpdateProfile(id=person.id, last_name="King")
    await subject.api.update_profile(change, person.token, idempotency_key=key)
    await subject.api.update_profile(UpdateProfile(id=person.id, last_name="Noel"), person.token)
    again = await subject.api.update_profile(change, person.token, idempotency_key=key)

    assert (again.last_name, again.version) == ("Noel", 3)
    async with refusing(Conflict, "message_id_reused"):
        other = UpdateProfile(id=person.id, last_name="Byron")
        await subject.api.update_profile(other, person.token, idempotency_key=key)


@pytest.mark.parametrize("change", [{"status": SettableStatus.SUSPENDED}, {"role": Role.ADMIN}], ids=str)
async def test_another_role_or_status_ends_the_sessions(subject: Subject, change: dict[str, object]) -> None:
    person, admin = await subject.person(), await subject.admin()
    request = UpdateProfile.model_validate({"id": person.id, **change})
    changed = await subject.api.update_profile(request, admin.token)

    assert changed.version == 2
    ask = GetProfile(id=person.id)
    assert await reason_of(subject.api.get_profile(ask, person.token)) == "session_ended"


async def test_who_is_active_again_logs_in_again(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    for status in (SettableStatus.SUSPENDED, SettableStatus.ACTIVE):
        await subject.api.update_profile(UpdateProfile(id=person.id, status=status), admin.token)

    tokens = await subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    assert tokens.profile_id == person.id


async def test_a_deleted_profile_is_gone_with_its_posts_and_its_address_is_free(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    await subject.api.create_post(CreatePost(title="Note G", body="It weaves."), person.token)
    deleted = await subject.api.delete_profile(DeleteProfile(id=person.id), person.token)

    assert (deleted.id, deleted.status) == (person.id, Status.DELETED)
    gone = subject.api.get_profile(GetProfile(id=person.id), other.token)
    assert await reason_of(gone) == "profile_not_found"
    assert (
        await reason_of(subject.api.create_post(CreatePost(title="a", body="b"), person.token))
        == "session_ended"
    )
    assert (await subject.api.create_profile(a_sign_up(email=person.email))).id != person.id

    async def posts_are_gone() -> bool:
        return (await subject.api.list_posts(ListPosts(user_id=person.id))).items == ()

    assert await eventually(posts_are_gone)


async def test_a_deletion_that_is_repeated_says_the_same(subject: Subject) -> None:
    person, key = await subject.person(), uuid4().hex
    request = DeleteProfile(id=person.id)
    first = await subject.api.delete_profile(request, person.token, idempotency_key=key)
    second = await subject.api.delete_profile(request, person.token, idempotency_key=key)

    assert first == second
    assert await reason_of(subject.api.delete_profile(request, person.token)) == "session_ended"


async def test_administrators_read_lists_page_by_page(subject: Subject) -> None:
    admin, begin = await subject.admin(), f"list{uuid4().hex}"
    made = [
        await subject.api.create_profile(a_sign_up(email=f"{begin}.{each}@example.org")) for each in range(3)
    ]
    found: list[Profile] = []
    cursor = None
    while True:
        request = ListProfiles(email_prefix=begin.upper(), limit=2, cursor=cursor)
        page = await subject.api.list_profiles(request, admin.token)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break

    assert found == made


async def test_lists_are_filtered_and_a_cursor_is_for_its_filters(subject: Subject) -> None:
    admin = await subject.admin()
    await subject.admin()
    page = await subject.api.list_profiles(ListProfiles(role=Role.ADMIN, limit=1), admin.token)

    assert [each.role for each in page.items] == [Role.ADMIN]
    for cursor in (page.next_cursor, "none"):
        async with refusing(Invalid, "cursor_invalid", "cursor"):
            other = ListProfiles(role=Role.USER, cursor=cursor)
            await subject.api.list_profiles(other, admin.token)
