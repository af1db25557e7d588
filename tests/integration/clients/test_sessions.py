"""Whoever speaks for the service shows where users are logged in, and ends that, by the same rules."""

from uuid import uuid4

from pydantic import MISSING, SecretStr

from profile_contracts.auth import (
    ListSessions,
    LogIn,
    LogOut,
    Refresh,
    Scope,
    Session,
    UnlockAccount,
    Unlocked,
    VerifyToken,
)
from profile_contracts.errors import Invalid, Unauthenticated
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.subjects import PASSWORD, Person, Subject

AGENT = "Mozilla/5.0 (X11; Linux x86_64)"


async def _sessions(subject: Subject, person: Person) -> tuple[Session, ...]:
    return (await subject.api.list_sessions(ListSessions(), person.token)).items


async def test_a_user_sees_where_she_is_logged_in_the_last_used_first(subject: Subject) -> None:
    person = await subject.person()
    credentials = LogIn(email=person.email, password=PASSWORD)
    elsewhere = await subject.trusted.log_in(credentials, client_ip="2001:db8:1:2::7", user_agent=AGENT)
    here, there = sorted(await _sessions(subject, person), key=lambda each: each.id)

    assert (here.current, here.client_ip, here.user_agent) == (True, MISSING, MISSING)
    assert (there.current, there.client_ip, there.user_agent) == (False, "2001:db8:1:2::/64", AGENT)
    assert here.created_at == here.last_used_at <= there.created_at
    for token in (elsewhere.refresh_token, person.tokens.refresh_token):
        await subject.api.refresh(Refresh(refresh_token=SecretStr(token)))
    used = await _sessions(subject, person)
    assert [each.last_used_at for each in used] == sorted((each.last_used_at for each in used), reverse=True)
    assert {each.id: each.created_at for each in used} == {each.id: each.created_at for each in (here, there)}
    assert all(each.last_used_at >= there.last_used_at for each in used)


async def test_the_named_session_ends_and_no_other(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    second = await subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    (named,) = [each.id for each in await _sessions(subject, person) if not each.current]
    (foreign,) = [each.id for each in await _sessions(subject, other)]
    ended = [
        (await subject.api.log_out(LogOut(session_id=each), person.token)).revoked
        for each in (foreign, uuid4(), named, named)
    ]

    assert ended == [0, 0, 1, 0]
    refresh = subject.api.refresh(Refresh(refresh_token=SecretStr(second.refresh_token)))
    assert await reason_of(refresh) == "refresh_token_invalid"
    assert [each.current for each in await _sessions(subject, person)] == [True]
    assert len(await _sessions(subject, other)) == 1
    for unclear in (LogOut(), LogOut(scope=Scope.LOCAL, session_id=named)):
        async with refusing(Invalid, "sessions_unclear", "scope"):
            await subject.api.log_out(unclear, person.token)


async def test_a_password_that_comes_with_the_end_of_other_sessions_has_to_be_right(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    await subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    wrong = SecretStr("not that one")
    for scope in (Scope.OTHERS, Scope.GLOBAL):
        async with refusing(Unauthenticated, "invalid_credentials"):
            await subject.api.log_out(LogOut(scope=scope, current_password=wrong), person.token)
    right = LogOut(scope=Scope.OTHERS, current_password=PASSWORD)
    assert (await subject.api.log_out(right, person.token)).revoked == 1
    of_another = LogOut(user_id=person.id, scope=Scope.GLOBAL, current_password=wrong)
    assert (await subject.api.log_out(of_another, admin.token)).revoked == 1
    local = LogOut(scope=Scope.LOCAL, current_password=wrong)

    assert (await subject.api.log_out(local, admin.token)).revoked == 1


async def test_administrators_see_and_end_the_sessions_of_others(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    await subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    ask = ListSessions(user_id=person.id)
    seen = (await subject.api.list_sessions(ask, admin.token)).items
    for unclear in (LogOut(user_id=person.id, scope=each) for each in (Scope.LOCAL, Scope.OTHERS)):
        async with refusing(Invalid, "sessions_unclear", "scope"):
            await subject.api.log_out(unclear, admin.token)
    one = await subject.api.log_out(LogOut(user_id=person.id, session_id=seen[0].id), admin.token)
    rest = await subject.api.log_out(LogOut(user_id=person.id, scope=Scope.GLOBAL), admin.token)

    assert [each.current for each in seen] == [False, False]
    assert (one.revoked, rest.revoked) == (1, 1)
    assert (await subject.api.list_sessions(ask, admin.token)).items == ()
    assert not (await subject.api.verify_token(VerifyToken(token=SecretStr(person.token)))).active
    assert await subject.api.unlock_account(UnlockAccount(id=person.id), admin.token) == Unlocked()
    again = await subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    assert again.profile_id == person.id
