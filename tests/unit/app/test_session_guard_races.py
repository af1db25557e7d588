"""What was proved has to hold in the write itself.

The slow half of a command is stopped at a barrier, in its hashing or as it enters its write. The other half
runs to its answer. Then the slow half goes on, and must not have its effect.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from service.app.auth.actors import Anonymous, TrustedService, User
from service.app.auth.change_password import ChangePassword
from service.app.auth.confirm_totp import ConfirmTotp
from service.app.auth.enroll_totp import EnrollTotp
from service.app.auth.log_out import LogOut, Scope
from service.app.auth.passwords import InvalidCredentials
from service.app.auth.remove_totp import RemoveTotp
from service.app.auth.session_guard import SessionEnded
from service.app.commands.create_post import CreatePost
from service.app.commands.create_profile import CreateProfile
from service.app.commands.delete_post import DeletePost
from service.app.commands.delete_profile import DeleteProfile
from service.app.commands.erase_profile import EraseProfile
from service.app.commands.restore_profile import RestoreProfile
from service.app.commands.update_post import UpdatePost
from service.app.commands.update_profile import UpdateProfile
from service.app.ids import new_id
from service.app.request_context import RequestContext
from service.domain.email import Email
from service.domain.post import Post, PostPatch, PostSelection
from service.domain.profile import Profile, ProfileNotFound, ProfilePatch, Role, Status
from service.domain.session import Origin
from service.domain.totp import Totp, code_at, step_at
from tests.builders import NOON, a_post, a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.operating import OPERATOR, eraser
from tests.fakes.passwords import fake_hash

PASSWORD, NEW_PASSWORD = "correct horse", "another horse"
HASHED = fake_hash(PASSWORD.encode())
NOBODY = RequestContext(Anonymous())


@dataclass(frozen=True)
class People:
    """An owner and an administrator with two sessions each, somebody else, and somebody who has left."""

    app_fixture: AppFixture
    ada: Profile
    bob: Profile
    boss: Profile
    gone: Profile
    post: Post
    sessions: dict[str, User]

    def caller(self, name: str) -> RequestContext:
        return RequestContext(self.sessions[name])


async def people() -> People:
    ada, bob, boss, other = (
        a_profile(hashed_password=HASHED, role=role)
        for role in (Role.USER, Role.USER, Role.ADMIN, Role.ADMIN)
    )
    ada = replace(ada, totp=Totp(b"sealed", 0, ()))
    gone = a_profile().deleted(NOON)
    app_fixture = AppFixture(ada, bob, boss, other, gone)
    await app_fixture.posts.add(post := a_post(user_id=ada.id))
    names = {"ada": ada, "ada elsewhere": ada, "bob": bob, "boss": boss, "boss elsewhere": boss}
    sessions = {name: (await app_fixture.logged_in(profile))[0] for name, profile in names.items()}
    return People(app_fixture, ada, bob, boss, gone, post, sessions)


@asynccontextmanager
async def stopped(thing: object, method: str, slow: Awaitable[Any]) -> AsyncIterator[asyncio.Future[Any]]:
    """Run *slow* until it calls *method* of *thing*; inside the block it stands there."""
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = getattr(thing, method)

    async def held(*args: Any, **kwargs: Any) -> Any:
        setattr(thing, method, real)
        reached.set()
        await go_on.wait()
        return await real(*args, **kwargs)

    setattr(thing, method, held)
    running = asyncio.ensure_future(slow)
    async with asyncio.timeout(5):
        await reached.wait()
    try:
        yield running
    finally:
        go_on.set()
        await asyncio.wait([running], timeout=5)


Slow = Callable[[People], Awaitable[Any]]
NEW_ADDRESS = ProfilePatch(email=Email.parse("new@example.org"))


def change_address(here: People) -> Awaitable[Any]:
    """The owner changes the address, and proves the password for it."""
    return here.app_fixture.app.update_profile.handle(
        UpdateProfile(
            context=here.caller("ada"),
            profile_id=here.ada.id,
            patch=NEW_ADDRESS,
            current_password=PASSWORD,
        )
    )


def change_name(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.update_profile.handle(
        UpdateProfile(
            context=here.caller("ada"), profile_id=here.ada.id, patch=ProfilePatch(first_name="Eve")
        )
    )


def delete_oneself(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.delete_profile.handle(
        DeleteProfile(context=RequestContext(here.sessions["ada"]), profile_id=here.ada.id)
    )


def change_password(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.change_password.handle(
        ChangePassword(here.caller("ada"), PASSWORD, NEW_PASSWORD)
    )


def log_out_all(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.log_out.handle(LogOut(RequestContext(here.sessions["ada"]), Scope.GLOBAL))


def give_role(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.update_profile.handle(
        UpdateProfile(
            context=here.caller("boss"), profile_id=here.bob.id, patch=ProfilePatch(role=Role.ADMIN)
        )
    )


def change_anothers_name(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.update_profile.handle(
        UpdateProfile(
            context=here.caller("boss"), profile_id=here.bob.id, patch=ProfilePatch(first_name="Eve")
        )
    )


def delete_another(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.delete_profile.handle(
        DeleteProfile(context=RequestContext(here.sessions["boss"]), profile_id=here.bob.id)
    )


def remove_second_factor(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.remove_totp.handle(
        RemoveTotp(context=here.caller("ada"), current_password=PASSWORD)
    )


async def add_second_factor(here: People) -> None:
    app, context = here.app_fixture.app, here.caller("boss")
    enrolment = await app.enroll_totp.handle(EnrollTotp(context, PASSWORD))
    code = code_at(base64.b32decode(enrolment.secret), step_at(here.app_fixture.clock.now()))
    await app.confirm_totp.handle(ConfirmTotp(context, enrolment.sealed, code))


def erase_another(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.erase_profile.handle(
        EraseProfile(context=here.caller("boss"), profile_id=here.bob.id)
    )


def restore_another(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.restore_profile.handle(
        RestoreProfile(context=here.caller("boss"), profile_id=here.gone.id)
    )


def write_post(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.create_post.handle(
        CreatePost(context=here.caller("ada"), title="Note G", body="It weaves.")
    )


def change_post(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.update_post.handle(
        UpdatePost(context=here.caller("ada"), post_id=here.post.id, patch=PostPatch(title="Note H"))
    )


def delete_post(here: People, name: str = "ada") -> Awaitable[Any]:
    return here.app_fixture.app.delete_post.handle(
        DeletePost(context=here.caller(name), post_id=here.post.id)
    )


def delete_anothers_post(here: People) -> Awaitable[Any]:
    return delete_post(here, "boss")


def log_out_others(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.log_out.handle(LogOut(here.caller("ada"), Scope.OTHERS))


def log_out_others_with_password(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.log_out.handle(
        LogOut(here.caller("ada"), Scope.OTHERS, current_password=PASSWORD)
    )


def log_out_elsewhere(here: People) -> Awaitable[Any]:
    session_id = here.sessions["ada elsewhere"].session
    return here.app_fixture.app.log_out.handle(LogOut(here.caller("ada"), session_id=session_id))


def log_out_another(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.log_out.handle(LogOut(here.caller("boss"), Scope.GLOBAL, user_id=here.bob.id))


def make_admin(here: People) -> Awaitable[Any]:
    return here.app_fixture.app.create_profile.handle(
        CreateProfile(
            context=RequestContext(here.sessions["boss"]),
            first_name="Eve",
            last_name="Evil",
            email="eve@example.org",
            password="long enough for eve",
            role=Role.ADMIN,
        )
    )


# By what the command is stopped at: of the hasher, or of the repository as it begins its write.
OWN: list[tuple[Slow, str, str]] = [
    (change_address, "hasher", "verify"),
    (change_address, "profiles", "save"),
    (change_name, "profiles", "save"),
    (delete_oneself, "profiles", "save"),
    (change_password, "hasher", "verify"),
    (change_password, "hasher", "hash"),
    (change_password, "profiles", "save"),
    (remove_second_factor, "hasher", "verify"),
    (remove_second_factor, "profiles", "save"),
    (write_post, "posts", "add"),
    (change_post, "posts", "get"),
    (change_post, "posts", "save"),
    (delete_post, "posts", "save"),
    (log_out_others, "repository", "end"),
    (log_out_others_with_password, "hasher", "verify"),
    (log_out_all, "repository", "end"),
    (log_out_elsewhere, "repository", "end"),
]
OF_ADMINS: list[tuple[Slow, str, str]] = [
    (give_role, "profiles", "save"),
    (change_anothers_name, "profiles", "save"),
    (delete_another, "profiles", "save"),
    (make_admin, "hasher", "hash"),
    (make_admin, "profiles", "add"),
    (add_second_factor, "profiles", "save"),
    (erase_another, "profiles", "save"),
    (restore_another, "profiles", "save"),
    (delete_anothers_post, "posts", "save"),
    (log_out_another, "repository", "end"),
]


async def log_out(here: People, whose: str, scope: Scope, from_where: str) -> None:
    name = f"{whose}{from_where}"
    await here.app_fixture.app.log_out.handle(LogOut(RequestContext(here.sessions[name]), scope))


async def stand_otherwise(here: People, whose: str, changes: ProfilePatch) -> None:
    profile = await here.app_fixture.profiles.get(here.ada.id if whose == "ada" else here.boss.id)
    await here.app_fixture.profiles.save(profile.updated(changes, here.app_fixture.clock.now()))


async def delete(here: People, whose: str) -> None:
    profile = here.ada if whose == "ada" else here.boss
    await here.app_fixture.app.delete_profile.handle(
        DeleteProfile(context=RequestContext(TrustedService("hr")), profile_id=profile.id)
    )


async def change_password_elsewhere(here: People, whose: str) -> None:
    """Change it as another worker would, which does not wait for the attempts of this one."""
    profile = await here.app_fixture.profiles.get(here.ada.id if whose == "ada" else here.boss.id)
    now = here.app_fixture.clock.now()
    await here.app_fixture.profiles.save(
        after := profile.with_password(now, hashed="another hash", session_id=new_id(now))
    )
    await here.app_fixture.sessions.discard(after)


Quick = Callable[[People, str], Awaitable[None]]
ENDINGS: dict[str, Quick] = {
    "this session logs out": lambda here, whose: log_out(here, whose, Scope.LOCAL, ""),
    "another logs out all": lambda here, whose: log_out(here, whose, Scope.GLOBAL, " elsewhere"),
    "another logs out the others": lambda here, whose: log_out(here, whose, Scope.OTHERS, " elsewhere"),
    "another changes the password": change_password_elsewhere,
    "suspended": lambda here, whose: stand_otherwise(here, whose, ProfilePatch(status=Status.SUSPENDED)),
    "another role": lambda here, whose: stand_otherwise(
        here, whose, ProfilePatch(role=Role.ADMIN if whose == "ada" else Role.USER)
    ),
    "deleted": delete,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("slow", "thing", "method", "whose"),
    [(*each, "ada") for each in OWN] + [(*each, "boss") for each in OF_ADMINS],
)
async def test_what_was_proved_has_to_hold_in_the_write(
    slow: Slow, thing: str, method: str, whose: str, ending: str
) -> None:
    here = await people()
    async with stopped(getattr(here.app_fixture, thing), method, slow(here)) as running:
        await ENDINGS[ending](here, whose)
        seen = await everything(here)

    refusal = running.exception()
    assert isinstance(refusal, SessionEnded | ProfileNotFound), refusal
    assert await everything(here) == seen


async def everything(here: People) -> list[object]:
    """Return every profile, post and session as it is stored."""
    posts = await here.app_fixture.posts.of_user(here.ada.id, PostSelection.ALL)
    profiles = sorted(here.app_fixture.profiles.all(), key=lambda each: each.id)
    return [*profiles, *posts, *here.app_fixture.repository.stored.values()]


@pytest.mark.parametrize(("slow", "thing", "method"), [*OWN, *OF_ADMINS])
async def test_the_end_of_another_session_stops_nobody(slow: Slow, thing: str, method: str) -> None:
    here = await people()
    async with stopped(getattr(here.app_fixture, thing), method, slow(here)) as running:
        for whose in ("ada", "boss"):
            await log_out(here, whose, Scope.LOCAL, " elsewhere")

    assert running.exception() is None


@pytest.mark.parametrize(("slow", "thing", "method"), OWN[:4])
async def test_a_change_of_something_else_stops_nobody(slow: Slow, thing: str, method: str) -> None:
    here = await people()
    async with stopped(getattr(here.app_fixture, thing), method, slow(here)) as running:
        await stand_otherwise(here, "ada", ProfilePatch(last_name="King"))

    assert running.exception() is None


async def test_who_expects_a_version_is_not_refused_for_the_end_of_another_session() -> None:
    here = await people()
    command = UpdateProfile(
        context=here.caller("ada"),
        profile_id=here.ada.id,
        patch=ProfilePatch(first_name="Augusta"),
        expected_version=1,
    )
    slow = here.app_fixture.app.update_profile.handle(command)
    async with stopped(here.app_fixture.profiles, "save", slow) as running:
        await log_out(here, "ada", Scope.LOCAL, " elsewhere")

    assert running.result().version == 2


async def test_who_was_logged_out_meanwhile_ends_no_session_of_others() -> None:
    here = await people()
    await log_out(here, "ada", Scope.LOCAL, "")

    with pytest.raises(SessionEnded):
        await log_out_all(here)
    assert here.app_fixture.is_open(here.sessions["ada elsewhere"].session)


async def test_a_login_of_a_changed_password_has_no_session() -> None:
    here = await people()
    proof = here.app_fixture.passwords.verify_credentials(
        PASSWORD, here.ada, NOBODY.attempt(here.ada.email.key)
    )
    async with stopped(here.app_fixture.hasher, "verify", proof) as running:
        await change_password_elsewhere(here, "ada")
    before = dict(here.app_fixture.repository.stored)

    with pytest.raises(InvalidCredentials):
        await here.app_fixture.sessions.open(running.result())
    assert here.app_fixture.repository.stored == before


async def test_of_a_login_nothing_is_left_if_its_user_is_erased_meanwhile() -> None:
    here = await people()
    proof = here.app_fixture.passwords.verify_credentials(
        PASSWORD, here.ada, NOBODY.attempt(here.ada.email.key)
    )
    profiles, sessions = here.app_fixture.profiles, here.app_fixture.repository
    async with stopped(here.app_fixture.hasher, "verify", proof) as running:
        await eraser(profiles, sessions, here.app_fixture.clock).handle(
            EraseProfile(context=OPERATOR, profile_id=here.ada.id)
        )

    with pytest.raises(InvalidCredentials):
        await here.app_fixture.sessions.open(running.result(), origin=Origin("192.0.2.7/32"))
    assert [each for each in sessions.stored.values() if each.user_id == here.ada.id] == []
