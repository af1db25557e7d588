"""Whoever speaks for the service opens and ends sessions by the same rules."""

from uuid import uuid4

import pytest
from pydantic import MISSING, SecretStr

from profile_contracts.auth import ChangePassword, LogIn, LogOut, Refresh, Scope, VerifyToken
from profile_contracts.errors import Conflict, Invalid, Unauthenticated
from profile_contracts.profiles import DeleteProfile, GetProfile, Role, SettableStatus, UpdateProfile
from profile_contracts.verifier import TokenRefused
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.subjects import PASSWORD, Person, Subject
from tests.integration.gateway import eventually

NEW = SecretStr("a better horse than that")
DEAD = "not.a.token"


async def _alive(subject: Subject, token: str) -> bool:
    return (await subject.api.verify_token(VerifyToken(token=SecretStr(token)))).active


async def _another(subject: Subject, person: Person, password: SecretStr = PASSWORD) -> str:
    tokens = await subject.api.log_in(LogIn(email=person.email, password=password))
    return tokens.access_token


async def test_a_login_gives_tokens(subject: Subject) -> None:
    person = await subject.person()
    tokens = await subject.api.log_in(LogIn(email=person.email.upper(), password=PASSWORD))

    assert (tokens.token_type, tokens.profile_id) == ("Bearer", person.id)
    assert tokens.expires_in > 0
    assert isinstance(tokens.device_token, str)


async def test_wrong_unknown_suspended_and_deleted_have_one_answer(subject: Subject) -> None:
    admin, person, suspended, deleted = [
        await subject.admin(),
        await subject.person(),
        await subject.person(),
        await subject.person(),
    ]
    suspend = UpdateProfile(id=suspended.id, status=SettableStatus.SUSPENDED)
    await subject.api.update_profile(suspend, admin.token)
    await subject.api.delete_profile(DeleteProfile(id=deleted.id), deleted.token)
    for email, password in (
        (person.email, SecretStr("not that one")),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        (suspended.email, PASSWORD),
        (deleted.email, PASSWORD),
    ):
        async with refusing(Unauthenticated, "invalid_credentials"):
            await subject.api.log_in(LogIn(email=email, password=password))


async def test_a_refresh_token_gives_the_same_successor_until_that_is_used(subject: Subject) -> None:
    first = (await subject.person()).tokens.refresh_token
    second = await subject.api.refresh(Refresh(refresh_token=SecretStr(first)))
    again = await subject.api.refresh(Refresh(refresh_token=SecretStr(first)))

    assert again.refresh_token == second.refresh_token != first
    assert second.device_token is MISSING
    assert await _alive(subject, second.access_token)

    await subject.api.refresh(Refresh(refresh_token=SecretStr(second.refresh_token)))
    async with refusing(Unauthenticated, "refresh_token_reused"):
        await subject.api.refresh(Refresh(refresh_token=SecretStr(first)))

    assert not await _alive(subject, second.access_token)
    async with refusing(Unauthenticated, "refresh_token_invalid"):
        await subject.api.refresh(Refresh(refresh_token=SecretStr(second.refresh_token)))


async def test_a_login_ends_the_session_that_it_takes_the_place_of(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    for former in (person, other):
        credentials = LogIn(email=person.email, password=PASSWORD)
        takes_its_place = {"refresh_token": SecretStr(former.tokens.refresh_token)}
        wrong = credentials.model_copy(update={**takes_its_place, "password": SecretStr("not that one")})
        async with refusing(Unauthenticated, "invalid_credentials"):
            await subject.api.log_in(wrong)
        assert await _alive(subject, former.token)
        new = await subject.api.log_in(credentials.model_copy(update=takes_its_place))

        assert not await _alive(subject, former.token)
        assert await _alive(subject, new.access_token)


async def test_a_refresh_token_that_is_good_no_more_ends_nothing_at_a_login(subject: Subject) -> None:
    person = await subject.person()
    used_up = person.tokens.refresh_token
    second = await subject.api.refresh(Refresh(refresh_token=SecretStr(used_up)))
    await subject.api.refresh(Refresh(refresh_token=SecretStr(second.refresh_token)))
    for token in (used_up, "none", ""):
        login = LogIn(email=person.email, password=PASSWORD, refresh_token=SecretStr(token))

        assert (await subject.api.log_in(login)).profile_id == person.id
    assert await _alive(subject, person.token)


async def test_a_refresh_token_whose_successor_got_lost_ends_its_session_at_a_login(subject: Subject) -> None:
    person = await subject.person()
    first = SecretStr(person.tokens.refresh_token)
    await subject.api.refresh(Refresh(refresh_token=first))
    await subject.api.log_in(LogIn(email=person.email, password=PASSWORD, refresh_token=first))

    assert not await _alive(subject, person.token)


async def test_what_is_no_refresh_token_is_refused(subject: Subject) -> None:
    async with refusing(Unauthenticated, "refresh_token_invalid"):
        await subject.api.refresh(Refresh(refresh_token=SecretStr("none")))


@pytest.mark.parametrize(
    ("scope", "revoked", "alive"),
    [(Scope.LOCAL, 1, [False, True]), (Scope.OTHERS, 1, [True, False]), (Scope.GLOBAL, 2, [False, False])],
)
async def test_a_logout_ends_the_sessions_of_its_scope(
    subject: Subject, scope: Scope, revoked: int, alive: list[bool]
) -> None:
    person = await subject.person()
    other = await _another(subject, person)
    ended = await subject.api.log_out(LogOut(scope=scope), person.token)

    assert ended.revoked == revoked
    assert [await _alive(subject, each) for each in (person.token, other)] == alive


async def test_an_ended_session_is_refused(subject: Subject) -> None:
    person = await subject.person()
    await subject.api.log_out(LogOut(scope=Scope.LOCAL), person.token)
    async with refusing(Unauthenticated, "session_ended"):
        await subject.api.get_profile(GetProfile(id=person.id), person.token)


async def test_introspection_says_whose_a_good_token_is_and_nothing_of_a_dead_one(subject: Subject) -> None:
    person = await subject.person()
    good = await subject.api.verify_token(VerifyToken(token=SecretStr(person.token)))
    dead = await subject.api.verify_token(VerifyToken(token=SecretStr(DEAD)))

    assert (good.active, good.sub, good.role) == (True, person.id, Role.USER)
    assert dead.model_dump() == {"active": False}


async def test_tokens_are_verified_by_the_listed_keys_until_their_session_ends(subject: Subject) -> None:
    person = await subject.person()
    async with subject.verifier() as verifier:
        claims = await verifier.verify(person.token)

        assert (claims.sub, claims.role) == (person.id, Role.USER)
        with pytest.raises(TokenRefused, match="token_invalid"):
            await verifier.verify(person.token[:-8] + "AAAAAAAA")

        await subject.api.log_out(LogOut(scope=Scope.LOCAL), person.token)

        async def is_refused() -> bool:
            try:
                await verifier.verify(person.token)
            except TokenRefused as refused:
                return refused.reason == "session_ended"
            return False

        assert await eventually(is_refused)


async def test_a_changed_password_ends_all_other_sessions(subject: Subject) -> None:
    person = await subject.person()
    other = await _another(subject, person)
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    tokens = await subject.api.change_password(change, person.token)

    assert [await _alive(subject, each) for each in (tokens.access_token, person.token, other)] == [
        True,
        False,
        False,
    ]
    assert await reason_of(_another(subject, person)) == "invalid_credentials"
    assert await _another(subject, person, NEW)


async def test_a_password_is_changed_only_by_who_knows_it_and_to_a_good_one(subject: Subject) -> None:
    person = await subject.person()
    async with refusing(Unauthenticated, "invalid_credentials"):
        wrong = ChangePassword(current_password=SecretStr("not that one"), new_password=NEW)
        await subject.api.change_password(wrong, person.token)
    async with refusing(Invalid, "password_too_short", "new_password"):
        short = ChangePassword(current_password=PASSWORD, new_password=SecretStr("short"))
        await subject.api.change_password(short, person.token)
    async with refusing(Unauthenticated, "token_invalid"):
        good = ChangePassword(current_password=PASSWORD, new_password=NEW)
        await subject.api.change_password(good, DEAD)


async def test_a_password_is_not_changed_under_the_key_of_another_command(subject: Subject) -> None:
    person, key = await subject.person(), uuid4().hex
    rename = UpdateProfile(id=person.id, last_name="King")
    await subject.api.update_profile(rename, person.token, idempotency_key=key)
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)

    async with refusing(Conflict, "message_id_reused"):
        await subject.api.change_password(change, person.token, idempotency_key=key)
    assert await _alive(subject, person.token)


async def test_a_change_of_password_that_is_repeated_gets_other_tokens(subject: Subject) -> None:
    person, key = await subject.person(), uuid4().hex
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    first = await subject.api.change_password(change, person.token, idempotency_key=key)
    second = await subject.api.change_password(change, person.token, idempotency_key=key)

    assert first.refresh_token != second.refresh_token
    assert await _alive(subject, first.access_token)
    assert await _alive(subject, second.access_token)
