"""What those do who look after users: find, export page by page, unlock, and end sessions of others."""

from collections.abc import Awaitable
from dataclasses import replace
from uuid import uuid4

import pytest

from service.app.auth.actors import Anonymous, MissingToken, TrustedService, User
from service.app.auth.list_sessions import ListSessions, is_current
from service.app.auth.log_out import LogOut, Scope, SessionsUnclear
from service.app.auth.passwords import CurrentPasswordRequired, InvalidCredentials
from service.app.auth.permissions import NotAllowed
from service.app.auth.session_guard import SessionEnded
from service.app.auth.throttle import TooManyAttempts
from service.app.auth.unlock_account import UnlockAccount
from service.app.commands.erase_profile import EraseProfile
from service.app.commands.restore_profile import RestoreProfile
from service.app.paging import CursorInvalid, PageRequest
from service.app.queries.export_page import ExportPage
from service.app.queries.find_profile import FindProfile
from service.app.request_context import RequestContext
from service.domain.email import Email, EmailMalformed
from service.domain.idempotency import IdempotencyKey
from service.domain.profile import Profile, ProfileNotFound, Role, Status
from service.domain.session import Origin
from tests.builders import NOON, a_post, a_profile, a_user
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash

HR = TrustedService("hr")
PASSWORD = "correct horse"


def ada_and_boss() -> tuple[Profile, Profile]:
    return a_profile(hashed_password=fake_hash(PASSWORD.encode())), a_profile(role=Role.ADMIN)


async def test_a_profile_is_found_by_its_address_and_a_deleted_one_if_that_is_asked_for() -> None:
    ada, gone = a_profile(), a_profile().deleted(NOON)
    find = AppFixture(ada, gone).app.find_profile
    spelt = ada.email.typed.upper()

    assert await find.handle(FindProfile(actor=HR, email=spelt)) == ada
    for email in (gone.email.typed, "nobody@example.org"):
        with pytest.raises(ProfileNotFound):
            await find.handle(FindProfile(actor=HR, email=email))
    found = await find.handle(FindProfile(actor=HR, email=gone.email.typed, include_deleted=True))
    assert found == gone
    with pytest.raises(EmailMalformed):
        await find.handle(FindProfile(actor=HR, email="nonsense"))


async def test_who_has_the_address_now_is_found_before_who_had_it() -> None:
    gone = a_profile().deleted(NOON)
    heir = a_profile(email=gone.email)
    query = FindProfile(actor=HR, email=gone.email.typed, include_deleted=True)

    assert await AppFixture(gone, heir).app.find_profile.handle(query) == heir


async def test_who_may_not_learns_nothing() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    app, other = fixture.app, a_user()
    context, page = RequestContext(other), PageRequest(1)
    for subject in (ada.id, uuid4()):
        attempts: list[Awaitable[object]] = [
            app.find_profile.handle(FindProfile(actor=other, email=ada.email.typed)),
            app.restore_profile.handle(RestoreProfile(context=context, profile_id=subject)),
            app.erase_profile.handle(EraseProfile(context=context, profile_id=subject)),
            app.export_page.handle(ExportPage(actor=other, profile_id=subject, page_request=page)),
            app.unlock_account.handle(UnlockAccount(context, subject)),
            app.list_sessions.handle(ListSessions(other, subject)),
            app.log_out.handle(LogOut(context, Scope.GLOBAL, user_id=subject)),
        ]
        for attempt in attempts:
            with pytest.raises(NotAllowed):
                await attempt
    with pytest.raises(MissingToken):
        await app.list_sessions.handle(ListSessions(Anonymous(), ada.id))


async def test_an_administrator_restores_and_erases_only_in_a_session_that_lives() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada.deleted(NOON), boss)
    user, _ = await fixture.logged_in(boss)
    context = RequestContext(user)
    restored = await fixture.app.restore_profile.handle(RestoreProfile(context=context, profile_id=ada.id))
    await fixture.sessions.end(boss.id, "logout")

    assert restored.status is Status.ACTIVE
    with pytest.raises(SessionEnded):
        await fixture.app.erase_profile.handle(EraseProfile(context=context, profile_id=ada.id))
    with pytest.raises(SessionEnded):
        await fixture.app.unlock_account.handle(UnlockAccount(context, ada.id))
    assert await fixture.profiles.get(ada.id) == restored


async def test_a_restoration_that_comes_again_is_done_once() -> None:
    gone = a_profile().deleted(NOON)
    fixture = AppFixture(gone)
    context = RequestContext(HR, idempotency_key=IdempotencyKey(b"i" * 16, b"d" * 16))
    command = RestoreProfile(context=context, profile_id=gone.id)
    first, again = [await fixture.app.restore_profile.handle(command) for _ in range(2)]

    assert first == again
    assert first.version == gone.version + 1


async def test_of_an_erasure_that_was_asked_for_no_key_is_kept_and_it_may_come_again() -> None:
    ada = a_profile()
    fixture = AppFixture(ada)
    key = IdempotencyKey(b"i" * 16, b"d" * 16)
    user, _ = await fixture.logged_in(ada)
    command = EraseProfile(context=RequestContext(HR, idempotency_key=key), profile_id=ada.id)
    first, again = [await fixture.app.erase_profile.handle(command) for _ in range(2)]

    assert first == again
    assert await fixture.profiles.find_processed(ada.id, key) is None
    assert fixture.session_cache.known == {user.session: False}
    assert fixture.revoked == [(ada.id, (), "deleted")]


async def test_an_export_comes_in_pages_that_all_have_the_profile() -> None:
    ada = a_profile(hashed_password="$2b$canary")
    fixture = AppFixture(ada, a_profile())
    user, _ = await fixture.logged_in(ada)
    mine = [a_post(user_id=ada.id), a_post(user_id=ada.id).deleted(NOON), a_post(user_id=ada.id)]
    for each in (*mine, a_post()):
        await fixture.posts.add(each)
    pages, cursor = [], None
    while True:
        request = PageRequest(2, cursor)
        query = ExportPage(actor=user, profile_id=ada.id, page_request=request)
        pages.append(await fixture.app.export_page.handle(query))
        if (cursor := pages[-1].next_cursor) is None:
            break

    told = [post["id"] for page in pages for post in page.posts]
    assert told == sorted(each.id for each in mine)
    assert [len(page.posts) for page in pages] == [2, 1]
    assert {page.profile["email"] for page in pages} == {ada.email.typed}
    assert {page.sessions[0]["id"] for page in pages} == {user.session}
    assert "canary" not in repr(pages)


async def test_a_cursor_of_one_export_continues_no_other() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    for owner in (ada, ada, boss):
        await fixture.posts.add(a_post(user_id=owner.id))
    first = await fixture.app.export_page.handle(
        ExportPage(actor=HR, profile_id=ada.id, page_request=PageRequest(1))
    )
    other = ExportPage(actor=HR, profile_id=boss.id, page_request=PageRequest(1, first.next_cursor))

    with pytest.raises(CursorInvalid):
        await fixture.app.export_page.handle(other)


async def test_sessions_are_listed_with_where_they_were_opened() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    fixture.clock.advance(minutes=1)
    user, _ = await fixture.logged_in(ada)
    fixture.clock.advance(minutes=1)
    origin = Origin("192.0.2.7/32", "Mozilla/5.0")
    await fixture.sessions.open(ada, origin=origin)
    await fixture.sessions.open(boss)
    found = await fixture.app.list_sessions.handle(ListSessions(user))

    assert [each.origin for each in found] == [origin, Origin()]
    assert [is_current(each, user) for each in found] == [False, True]
    for actor in (HR, a_user(boss.id, Role.ADMIN)):
        assert await fixture.app.list_sessions.handle(ListSessions(actor, ada.id)) == found
        assert not any(is_current(each, actor) for each in found)
    with pytest.raises(NotAllowed):
        await fixture.app.list_sessions.handle(ListSessions(HR))
    with pytest.raises(ProfileNotFound):
        await fixture.app.list_sessions.handle(ListSessions(HR, uuid4()))


async def test_sessions_that_are_over_are_in_no_list() -> None:
    ada = a_profile()
    fixture = AppFixture(ada)
    user, _ = await fixture.logged_in(ada)
    fixture.clock.advance(days=31)

    assert await fixture.app.list_sessions.handle(ListSessions(user)) == []
    changed = ada.with_password(NOON, hashed="another", session_id=uuid4())
    await fixture.profiles.save(changed)
    fixture.clock.advance(days=-31)
    assert await fixture.app.list_sessions.handle(ListSessions(HR, ada.id)) == []


async def test_one_session_is_ended_by_its_name_and_only_if_it_is_of_that_user() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    (mine, _), (other, _), (admin, _) = [await fixture.logged_in(each) for each in (ada, ada, boss)]
    log_out, context = fixture.app.log_out, RequestContext(mine)

    assert await log_out.handle(LogOut(context, session_id=admin.session)) == 0
    assert await log_out.handle(LogOut(context, session_id=other.session)) == 1
    assert (fixture.is_open(mine.session), fixture.is_open(other.session)) == (True, False)
    as_admin = LogOut(RequestContext(admin), session_id=mine.session, user_id=ada.id)
    assert await log_out.handle(as_admin) == 1
    assert fixture.is_open(admin.session)


async def test_an_administrator_ends_all_sessions_of_a_user_who_may_log_in_again() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    for _ in range(2):
        await fixture.logged_in(ada)
    admin, _ = await fixture.logged_in(boss)
    command = LogOut(RequestContext(admin), Scope.GLOBAL, user_id=ada.id)

    assert await fixture.app.log_out.handle(command) == 2
    assert fixture.is_open(admin.session)
    await fixture.logged_in(ada)
    with pytest.raises(NotAllowed):
        await fixture.app.log_out.handle(LogOut(RequestContext(HR), Scope.GLOBAL, user_id=ada.id))


@pytest.mark.parametrize(
    ("scope", "names_session", "names_other"),
    [
        (None, False, False),
        (Scope.LOCAL, True, False),
        (Scope.GLOBAL, True, False),
        (Scope.LOCAL, False, True),
        (Scope.OTHERS, False, True),
        (None, False, True),
    ],
)
async def test_it_has_to_be_clear_which_sessions_end(
    scope: Scope | None, *, names_session: bool, names_other: bool
) -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    admin, _ = await fixture.logged_in(boss)
    session, user = admin.session if names_session else None, ada.id if names_other else None

    with pytest.raises(SessionsUnclear):
        await fixture.app.log_out.handle(LogOut(RequestContext(admin), scope, session, user))
    assert fixture.is_open(admin.session)


def others_of(user: User, other: User) -> list[LogOut]:
    """Return all ways to end other sessions of one's own than this one."""
    context = RequestContext(user)
    return [
        LogOut(context, Scope.OTHERS),
        LogOut(context, Scope.GLOBAL),
        LogOut(context, Scope.GLOBAL, user_id=user.id),
        LogOut(context, session_id=other.session),
    ]


@pytest.mark.parametrize("way", range(4))
async def test_a_password_that_comes_with_the_end_of_other_sessions_has_to_be_right(way: int) -> None:
    ada, _ = ada_and_boss()
    fixture = AppFixture(ada)
    (user, _), (other, _) = [await fixture.logged_in(ada) for _ in range(2)]
    command = others_of(user, other)[way]
    wrong = replace(command, current_password="wrong horse")
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await fixture.app.log_out.handle(wrong)
    with pytest.raises(TooManyAttempts):
        await fixture.app.log_out.handle(replace(command, current_password=PASSWORD))
    assert (fixture.hasher.verified, fixture.is_open(other.session)) == (10, True)
    fixture.clock.advance(minutes=15)

    assert await fixture.app.log_out.handle(replace(command, current_password=PASSWORD))
    assert not fixture.is_open(other.session)


@pytest.mark.parametrize("way", range(4))
async def test_users_need_their_password_to_end_other_sessions_if_operators_say_so(way: int) -> None:
    ada, _ = ada_and_boss()
    fixture = AppFixture(ada)
    (user, _), (other, _) = [await fixture.logged_in(ada) for _ in range(2)]
    command = others_of(user, other)[way]
    strict = replace(fixture.app.log_out, needs_password=True)
    with pytest.raises(CurrentPasswordRequired):
        await strict.handle(command)
    assert fixture.is_open(other.session)

    assert await strict.handle(replace(command, current_password=PASSWORD))
    assert not fixture.is_open(other.session)


async def test_this_session_and_those_of_others_end_without_a_password_whatever_operators_say() -> None:
    ada, boss = ada_and_boss()
    fixture = AppFixture(ada, boss)
    (one, _), (two, _), (three, _), (four, _) = [await fixture.logged_in(ada) for _ in range(4)]
    admin, _ = await fixture.logged_in(boss)
    strict = replace(fixture.app.log_out, needs_password=True)
    for command in (
        LogOut(RequestContext(one), Scope.LOCAL),
        LogOut(RequestContext(two), session_id=two.session),
        LogOut(RequestContext(admin), session_id=three.session, user_id=ada.id),
        LogOut(RequestContext(admin), Scope.GLOBAL, user_id=ada.id),
    ):
        assert await strict.handle(replace(command, current_password="not looked at")) == 1

    assert fixture.hasher.verified == 0
    assert not fixture.is_open(four.session)
    with pytest.raises(CurrentPasswordRequired):
        await strict.handle(LogOut(RequestContext(admin), Scope.GLOBAL))


def test_a_logout_does_not_show_its_password() -> None:
    assert "canary" not in repr(LogOut(RequestContext(HR), Scope.GLOBAL, current_password="canary"))


FORMER = Email("ada@fa\u00df.de", "ada@fass.de")


@pytest.mark.parametrize(
    ("email", "account"),
    [
        (Email.parse("ada@example.org"), "ada@example.org"),
        (FORMER, FORMER.key),
        (FORMER, FORMER.current_key),
    ],
)
async def test_an_account_is_unlocked_for_strangers(email: Email, account: str) -> None:
    ada = replace(ada_and_boss()[0], email=email)
    fixture = AppFixture(ada)
    attempt = RequestContext(Anonymous()).attempt(account)
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await fixture.passwords.verify_credentials("a wrong guess", ada, attempt)
    with pytest.raises(TooManyAttempts):
        await fixture.passwords.verify_credentials(PASSWORD, ada, attempt)
    await fixture.app.unlock_account.handle(UnlockAccount(RequestContext(HR), ada.id))

    assert await fixture.passwords.verify_credentials(PASSWORD, ada, attempt) == ada
    with pytest.raises(ProfileNotFound):
        await fixture.app.unlock_account.handle(UnlockAccount(RequestContext(HR), uuid4()))
