import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.app.auth import sessions as sessions_module
from service.app.auth.actors import Anonymous, MissingToken, TokenExpired, TrustedService
from service.app.auth.change_password import ChangePassword
from service.app.auth.log_out import LogOut, Scope
from service.app.auth.permissions import NotAllowed
from service.app.auth.refresh import Refresh, TooManyRefreshes
from service.app.auth.session_guard import SessionEnded
from service.app.auth.sessions import new_session_id
from service.app.auth.verify_token import VerifyToken
from service.app.commands.delete_profile import DeleteProfile
from service.app.commands.update_profile import UpdateProfile
from service.app.request_context import RequestContext
from service.domain.errors import Unavailable
from service.domain.idempotency import IdempotencyKey
from service.domain.profile import LastAdmin, Profile, ProfilePatch, Role, Status
from service.domain.session import (
    IDLE_TIMEOUT,
    RefreshConflict,
    RefreshTokenInvalid,
    RefreshTokenReused,
    Session,
)
from tests.builders import NOON, a_profile, a_session, a_user
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash

PASSWORD = "correct horse"
ADMIN = a_user(role=Role.ADMIN)


@pytest.fixture
def ada() -> Profile:
    return a_profile(hashed_password=fake_hash(PASSWORD.encode()))


@pytest.fixture
def app_fixture(ada: Profile) -> AppFixture:
    return AppFixture(ada)


async def test_a_new_session_is_alive(app_fixture: AppFixture, ada: Profile) -> None:
    user, tokens = await app_fixture.logged_in(ada)
    claims = await app_fixture.app.verify_token.handle(VerifyToken(tokens.access_token.text))

    assert claims is not None
    assert claims.user == user
    assert app_fixture.session_cache.known == {user.session: True}


async def test_one_more_than_a_user_may_have_ends_the_oldest(app_fixture: AppFixture, ada: Profile) -> None:
    sessions, opened = replace(app_fixture.sessions, max_sessions=3), []
    await app_fixture.profiles.add(bob := a_profile())
    other = await sessions.open(bob)
    for _ in range(5):
        opened.append(await sessions.open(ada))
        app_fixture.clock.advance(minutes=1)

    mine = [app_fixture.tokens.verify(each.access_token.text).user for each in opened]
    assert [await app_fixture.sessions.session_guard.is_alive(each) for each in mine] == [False] * 2 + [
        True
    ] * 3
    assert [each.data["reason"] for each in app_fixture.repository.published] == ["too_many_sessions"] * 2
    assert app_fixture.tokens.verify(other.access_token.text).user.session in app_fixture.repository.stored


async def test_the_session_that_has_just_been_opened_is_never_the_oldest(ada: Profile) -> None:
    """Another worker's clock may be ahead: one session was opened, and ended at once, again and again."""
    app_fixture = AppFixture(ada)
    await app_fixture.repository.add(a_session(ada.id, created_at=NOON + timedelta(seconds=20)))
    opened = await replace(app_fixture.sessions, max_sessions=1).open(ada)
    user = app_fixture.tokens.verify(opened.access_token.text).user

    assert list(app_fixture.repository.stored) == [user.session]


@pytest.mark.parametrize(("ahead", "later"), [(-60, 0), (0, 0.001), (20, 20.001), (60, 30)])
def test_a_session_begins_after_what_has_happened_to_its_user_whatever_the_clocks_say(
    ahead: float, later: float
) -> None:
    """Or gateways would take it for one that has ended with it; but no clock is half a minute ahead."""
    changed = a_profile(updated_at=NOON + timedelta(seconds=ahead))
    began = new_session_id(changed, NOON).int >> 80

    assert began == int((NOON + timedelta(seconds=later)).timestamp() * 1000)


async def test_very_many_sessions_end_some_at_a_time(
    app_fixture: AppFixture, ada: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "_BATCH", 2)
    for _ in range(5):
        await app_fixture.sessions.open(ada)

    assert await app_fixture.sessions.end(ada.id, "logout") == 5
    assert app_fixture.repository.stored == {}


async def test_what_is_known_is_not_looked_up(app_fixture: AppFixture) -> None:
    user = a_user()
    app_fixture.session_cache.known[user.session] = True

    await app_fixture.sessions.check(user)

    assert app_fixture.repository.stored == {}


@pytest.mark.parametrize(
    "change", ["expired", "another user", "another version", "suspended", "deleted", "gone"]
)
async def test_a_session_that_the_user_has_no_more_is_dead(change: str) -> None:
    ada = a_profile(
        sessions_version=2 if change == "another version" else 1,
        status={"suspended": Status.SUSPENDED, "deleted": Status.DELETED}.get(change, Status.ACTIVE),
    )
    app_fixture, session = AppFixture(ada), a_session(ada.id)
    if change != "gone":
        await app_fixture.repository.add(session)
    if change == "expired":
        app_fixture.clock.advance(seconds=IDLE_TIMEOUT.total_seconds())
    user = a_user(None if change == "another user" else ada.id, session=session.id)

    with pytest.raises(SessionEnded):
        await app_fixture.sessions.check(user)
    assert app_fixture.session_cache.known == {}


async def test_an_unknown_token_is_dead_and_an_outage_is_not_death(
    app_fixture: AppFixture, ada: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise Unavailable

    _, tokens = await app_fixture.logged_in(ada)

    assert await app_fixture.app.verify_token.handle(VerifyToken("dead")) is None
    monkeypatch.setattr(app_fixture.repository, "find", away)
    with pytest.raises(Unavailable):
        await app_fixture.accepts(tokens)


async def test_a_repeated_refresh_gives_the_same_successor(app_fixture: AppFixture, ada: Profile) -> None:
    user, tokens = await app_fixture.logged_in(ada)
    first = await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))
    app_fixture.clock.advance(days=20)
    second = await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))

    assert first.refresh_token == second.refresh_token != tokens.refresh_token
    assert app_fixture.tokens.verify(second.access_token.text).user == user


async def test_reuse_ends_that_session_alone_and_tells(app_fixture: AppFixture, ada: Profile) -> None:
    user, tokens = await app_fixture.logged_in(ada)
    other, _ = await app_fixture.logged_in(ada)
    successor = await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))
    await app_fixture.app.refresh.handle(Refresh(successor.refresh_token))

    with pytest.raises(RefreshTokenReused):
        await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))
    assert app_fixture.revoked == [(ada.id, (user.session,), "reuse")]
    assert (app_fixture.is_open(user.session), app_fixture.is_open(other.session)) == (False, True)
    with pytest.raises(RefreshTokenInvalid):
        await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))


async def test_a_worker_whose_clock_is_behind_ends_nothing(app_fixture: AppFixture, ada: Profile) -> None:
    """Workers 12 s apart ended 15 of 20 sessions at a double refresh, when a grace time was measured."""
    _, tokens = await app_fixture.logged_in(ada)
    answers = []
    for skew in (0, 30, -60, 30):
        app_fixture.clock.advance(seconds=skew)
        answers.append(await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token)))

    assert len({each.refresh_token for each in answers}) == 1
    assert app_fixture.revoked == []


async def test_of_many_refreshes_at_once_all_get_one_successor(app_fixture: AppFixture, ada: Profile) -> None:
    _, tokens = await app_fixture.logged_in(ada)
    refresh = app_fixture.app.refresh.handle
    answers = await asyncio.gather(*(refresh(Refresh(tokens.refresh_token)) for _ in range(50)))

    assert len({each.refresh_token for each in answers}) == 1


async def test_a_refresh_gives_up_when_others_are_always_first(
    app_fixture: AppFixture, ada: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def moved(_: Session) -> None:
        raise RefreshConflict

    _, tokens = await app_fixture.logged_in(ada)
    monkeypatch.setattr(app_fixture.repository, "save", moved)

    with pytest.raises(TooManyRefreshes):
        await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))


async def test_a_refresh_of_a_session_that_is_over_is_invalid(app_fixture: AppFixture, ada: Profile) -> None:
    _, tokens = await app_fixture.logged_in(ada)
    suspended = ada.updated(ProfilePatch(status=Status.SUSPENDED), app_fixture.clock.now())
    await app_fixture.profiles.save(suspended)

    for text in (tokens.refresh_token, app_fixture.refresh_tokens.issue(uuid4(), 0), "nonsense"):
        with pytest.raises(RefreshTokenInvalid):
            await app_fixture.app.refresh.handle(Refresh(text))


@pytest.mark.parametrize(
    ("scope", "open_after"), [(Scope.LOCAL, [1, 2]), (Scope.OTHERS, [0]), (Scope.GLOBAL, [])]
)
async def test_a_logout_ends_what_its_scope_says(
    app_fixture: AppFixture, ada: Profile, scope: Scope, open_after: list[int]
) -> None:
    users = [(await app_fixture.logged_in(ada))[0] for _ in range(3)]
    ended = await app_fixture.app.log_out.handle(LogOut(RequestContext(users[0]), scope))

    assert ended == 3 - len(open_after)
    assert [each for each in range(3) if app_fixture.is_open(users[each].session)] == open_after
    dead = [user.session for user in users if not app_fixture.is_open(user.session)]
    dead.sort(key=lambda each: each == users[0].session)  # which has ended the others
    assert app_fixture.revoked == [(ada.id, (each,), "logout") for each in dead]
    assert app_fixture.session_cache.known == dict.fromkeys(dead, False)


async def test_a_second_logout_ends_nothing_and_tells_nobody(app_fixture: AppFixture, ada: Profile) -> None:
    user, _ = await app_fixture.logged_in(ada)
    counts = [
        await app_fixture.app.log_out.handle(LogOut(RequestContext(user), Scope.LOCAL)) for _ in range(2)
    ]

    assert counts == [1, 0]
    assert len(app_fixture.revoked) == 1


async def test_a_logout_that_is_delivered_again_finds_its_work_done(
    app_fixture: AppFixture, ada: Profile
) -> None:
    """A worker was lost with the reply: whoever has sent it once is not told that there is no session."""
    user, _ = await app_fixture.logged_in(ada)
    again = RequestContext(Anonymous(SessionEnded(), former_user=user), is_redelivered=True)

    assert await app_fixture.app.log_out.handle(LogOut(again, Scope.LOCAL)) == 0
    for context, scope in ((replace(again, is_redelivered=False), Scope.LOCAL), (again, Scope.GLOBAL)):
        with pytest.raises(SessionEnded):
            await app_fixture.app.log_out.handle(LogOut(context, scope))
    nobody = RequestContext(Anonymous(TokenExpired()), is_redelivered=True)
    with pytest.raises(TokenExpired):
        await app_fixture.app.log_out.handle(LogOut(nobody, Scope.LOCAL))


@pytest.mark.parametrize(
    ("actor", "refusal"), [(Anonymous(), MissingToken), (TrustedService("hr"), NotAllowed)]
)
async def test_sessions_and_passwords_are_for_humans(
    app_fixture: AppFixture, actor: Anonymous | TrustedService, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await app_fixture.app.log_out.handle(LogOut(RequestContext(actor), Scope.GLOBAL))
    with pytest.raises(refusal):
        await app_fixture.app.change_password.handle(
            ChangePassword(RequestContext(actor), PASSWORD, "another horse")
        )


async def test_the_same_deletion_twice_at_once_is_done_for_both(
    app_fixture: AppFixture, ada: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await app_fixture.logged_in(ada)
    key = IdempotencyKey(b"i" * 16, b"d" * 16)
    command = DeleteProfile(context=RequestContext(user, idempotency_key=key), profile_id=ada.id)
    handle, get = app_fixture.app.delete_profile.handle, app_fixture.profiles.get

    async def slow(profile_id: UUID) -> Profile:
        """Let the other one come in between."""
        profile = await get(profile_id)
        monkeypatch.setattr(app_fixture.profiles, "get", get)
        await handle(command)
        return profile

    monkeypatch.setattr(app_fixture.profiles, "get", slow)
    deleted = await handle(command)

    assert (deleted.status, deleted.version) == (Status.DELETED, 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (ProfilePatch(role=Role.ADMIN), "role_changed"),
        (ProfilePatch(status=Status.SUSPENDED), "suspended"),
    ],
)
async def test_another_role_or_status_ends_all_sessions(
    app_fixture: AppFixture, ada: Profile, changes: ProfilePatch, reason: str
) -> None:
    _, tokens = await app_fixture.logged_in(ada)
    update = UpdateProfile(context=RequestContext(ADMIN), profile_id=ada.id, patch=changes)
    after = await app_fixture.app.update_profile.handle(update)

    assert after.sessions_version == 2
    assert not await app_fixture.accepts(tokens)
    assert app_fixture.revoked == [(ada.id, (), reason)]


async def test_any_other_change_ends_none(app_fixture: AppFixture, ada: Profile) -> None:
    user, tokens = await app_fixture.logged_in(ada)
    changes = ProfilePatch(first_name="Augusta", role=Role.USER, status=Status.ACTIVE)
    await app_fixture.app.update_profile.handle(
        UpdateProfile(context=RequestContext(ADMIN), profile_id=user.id, patch=changes)
    )

    assert await app_fixture.accepts(tokens)
    assert app_fixture.revoked == []


async def test_a_deleted_user_has_no_session(app_fixture: AppFixture, ada: Profile) -> None:
    user, tokens = await app_fixture.logged_in(ada)
    await app_fixture.app.delete_profile.handle(
        DeleteProfile(context=RequestContext(user), profile_id=ada.id)
    )

    assert not await app_fixture.accepts(tokens)
    assert app_fixture.revoked == [(ada.id, (), "deleted")]


async def test_sessions_are_over_before_they_are_removed(app_fixture: AppFixture, ada: Profile) -> None:
    user, _ = await app_fixture.logged_in(ada)
    await app_fixture.profiles.save(
        ada.with_password(
            app_fixture.clock.now() + timedelta(seconds=1), hashed="another hash", session_id=uuid4()
        )
    )

    assert app_fixture.is_open(user.session)
    with pytest.raises(SessionEnded):
        await app_fixture.sessions.check(user)


STEPS_DOWN = [
    ProfilePatch(role=Role.USER),
    ProfilePatch(status=Status.SUSPENDED),
    ProfilePatch(first_name="B", role=Role.USER, status=Status.ACTIVE),
]


@pytest.mark.parametrize("changes", [*STEPS_DOWN, None])
@pytest.mark.parametrize("beside", [None, Status.SUSPENDED, Status.DELETED, Status.ACTIVE])
async def test_the_last_admin_stays(changes: ProfilePatch | None, beside: Status | None) -> None:
    boss = a_profile(role=Role.ADMIN)
    app_fixture = AppFixture(
        boss, a_profile(), *([a_profile(role=Role.ADMIN, status=beside)] if beside else [])
    )
    actor = a_user(boss.id, Role.ADMIN)

    async def step_down() -> Profile:
        if changes is None:
            return await app_fixture.app.delete_profile.handle(
                DeleteProfile(context=RequestContext(actor), profile_id=boss.id)
            )
        update = UpdateProfile(context=RequestContext(actor), profile_id=boss.id, patch=changes)
        return await app_fixture.app.update_profile.handle(update)

    if beside is Status.ACTIVE:
        assert (await step_down()).sessions_version == 2
    else:
        with pytest.raises(LastAdmin):
            await step_down()
        assert await app_fixture.profiles.get(boss.id) == boss


@pytest.mark.parametrize("changes", [ProfilePatch(role=Role.ADMIN), ProfilePatch(first_name="B")])
async def test_the_last_admin_may_do_everything_else(changes: ProfilePatch) -> None:
    boss = a_profile(role=Role.ADMIN)
    update = UpdateProfile(
        context=RequestContext(a_user(boss.id, Role.ADMIN)), profile_id=boss.id, patch=changes
    )

    assert (await AppFixture(boss).app.update_profile.handle(update)).role is Role.ADMIN


async def test_an_old_hash_is_made_anew_by_the_next_login(app_fixture: AppFixture) -> None:
    bob = a_profile(hashed_password="old " + fake_hash(PASSWORD.encode()))
    await app_fixture.profiles.add(bob)
    await app_fixture.passwords.verify_credentials(
        PASSWORD, bob, RequestContext(Anonymous()).attempt(bob.email.key)
    )
    stored = await app_fixture.profiles.get(bob.id)

    assert (stored.hashed_password, stored.version) == (fake_hash(PASSWORD.encode()), 1)


def test_no_command_shows_a_secret() -> None:
    commands = [
        Refresh("canary"),
        VerifyToken("canary"),
        ChangePassword(RequestContext(Anonymous()), "canary", "canary"),
    ]

    assert "canary" not in repr(commands)
