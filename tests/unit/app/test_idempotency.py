"""Commands that come more than once, on things in memory."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from service.app.auth.actors import TrustedService
from service.app.auth.permissions import NotAllowed
from service.app.commands.create_post import CreatePost
from service.app.commands.create_profile import CreateProfile
from service.app.commands.delete_profile import DeleteProfile
from service.app.optimistic_update import update_post
from service.app.request_context import RequestContext
from service.domain.attributes import AttributesTooLarge
from service.domain.errors import StaleVersion
from service.domain.idempotency import IdempotencyKey, MessageIdReused
from service.domain.post import Post, PostPatch
from service.domain.profile import EmailTaken, Profile, ProfilePatch
from tests.builders import NOON, a_post, a_profile, a_user
from tests.fakes.app_fixture import AppFixture
from tests.fakes.clock import FakeClock
from tests.fakes.mutations import LATER, FakeMutation, change_profile
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.session_guard import trusting

FIRST, OTHER_BODY = IdempotencyKey(b"m-1", b"one"), IdempotencyKey(b"m-1", b"another")


def renamed(name: str) -> Callable[[Profile], Profile]:
    return lambda profile: profile.updated(ProfilePatch(first_name=name), LATER)


def rename(name: str, command: IdempotencyKey | None, version: int | None = None) -> FakeMutation[Profile]:
    return FakeMutation(renamed(name), version, command)


async def test_a_repeated_command_has_one_effect_and_is_answered_with_the_thing_as_it_is_now() -> None:
    profiles = FakeProfiles(ada := a_profile())
    _, once = await change_profile(profiles, ada.id, rename("Augusta", FIRST, 1))
    _, twice = await change_profile(profiles, ada.id, rename("Augusta", FIRST, 1))
    await change_profile(profiles, ada.id, rename("Byron", IdempotencyKey(b"m-2", b"two")))
    before, again = await change_profile(profiles, ada.id, rename("Augusta", FIRST, 1))

    assert (twice.first_name, twice.version) == (once.first_name, once.version) == ("Augusta", 2)
    assert (again.first_name, again.version) == ("Byron", 3)
    assert before is again
    assert (await profiles.get(ada.id)).first_name == "Byron"
    assert len(profiles.published) == 2


async def test_the_same_name_for_another_command_is_a_conflict() -> None:
    profiles = FakeProfiles(ada := a_profile())
    await change_profile(profiles, ada.id, rename("Augusta", FIRST))

    with pytest.raises(MessageIdReused):
        await change_profile(profiles, ada.id, rename("Byron", OTHER_BODY))
    assert (await profiles.get(ada.id)).first_name == "Augusta"


async def test_who_may_not_hears_that_first() -> None:
    profiles = FakeProfiles(ada := a_profile())
    await change_profile(profiles, ada.id, rename("Augusta", FIRST))

    with pytest.raises(NotAllowed):
        await change_profile(profiles, ada.id, FakeMutation(renamed("x"), None, OTHER_BODY, NotAllowed()))


async def test_a_command_that_changed_nothing_is_remembered_too() -> None:
    profiles = FakeProfiles(ada := a_profile())
    _, unchanged = await change_profile(profiles, ada.id, rename("Ada", FIRST))
    await change_profile(profiles, ada.id, rename("Byron", None))
    _, again = await change_profile(profiles, ada.id, rename("Ada", FIRST))

    assert (unchanged.version, again.version) == (1, 2)
    assert (await profiles.get(ada.id)).first_name == "Byron"


@pytest.mark.parametrize("expected_version", [None, 1])
async def test_of_many_at_once_one_has_an_effect(expected_version: int | None) -> None:
    profiles = FakeProfiles(ada := a_profile())
    change = rename("Augusta", FIRST, expected_version)
    done = await asyncio.gather(*(change_profile(profiles, ada.id, change) for _ in range(20)))

    assert {(after.first_name, after.version) for _, after in done} == {("Augusta", 2)}
    assert (await profiles.get(ada.id)).version == 2


async def test_the_last_64_are_remembered() -> None:
    profiles = FakeProfiles(ada := a_profile())
    for number in range(65):
        await change_profile(profiles, ada.id, rename(f"A{number}", IdempotencyKey(b"%d" % number, b"")))
    _, oldest = await change_profile(profiles, ada.id, rename("A1", IdempotencyKey(b"1", b"")))
    _, forgotten = await change_profile(profiles, ada.id, rename("A0", IdempotencyKey(b"0", b"")))

    assert (oldest.first_name, oldest.version) == ("A64", 66)
    assert (forgotten.first_name, forgotten.version) == ("A0", 67)


async def test_without_a_name_a_command_is_carried_out_each_time() -> None:
    profiles = FakeProfiles(ada := a_profile())
    await change_profile(profiles, ada.id, rename("Augusta", None, 1))

    with pytest.raises(StaleVersion):
        await change_profile(profiles, ada.id, rename("Augusta", None, 1))


async def test_a_repeated_deletion_is_answered_though_the_profile_is_gone() -> None:
    app_fixture = AppFixture(ada := a_profile())
    command = DeleteProfile(
        context=RequestContext(TrustedService("hr"), idempotency_key=FIRST), profile_id=ada.id
    )
    once = await app_fixture.app.delete_profile.handle(command)
    app_fixture.clock.advance(minutes=1)
    again = await app_fixture.app.delete_profile.handle(command)

    assert (again.deleted_at, again.version) == (once.deleted_at, once.version)


async def test_of_many_deletions_at_once_all_hear_the_same() -> None:
    app_fixture = AppFixture(ada := a_profile())
    command = DeleteProfile(
        context=RequestContext(TrustedService("hr"), idempotency_key=FIRST), profile_id=ada.id
    )

    async def after(turns: int) -> Profile:
        for _ in range(turns):  # so that each step of one falls between any two of another
            await asyncio.sleep(0)
        return await app_fixture.app.delete_profile.handle(command)

    deleted = await asyncio.gather(*(after(turns) for turns in range(20)))
    assert {(each.deleted_at, each.version) for each in deleted} == {(NOON, 2)}


async def test_a_repeated_sign_up_answers_with_the_profile_that_it_made() -> None:
    app_fixture = AppFixture()

    def sign_up(command: IdempotencyKey | None) -> CreateProfile:
        return CreateProfile(
            context=RequestContext(TrustedService("hr"), idempotency_key=command),
            first_name="Ada",
            last_name="Lovelace",
            email="ada@example.org",
            password="correct horse",
        )

    made = await asyncio.gather(*(app_fixture.app.create_profile.handle(sign_up(FIRST)) for _ in range(5)))
    await app_fixture.profiles.save(made[0].updated(ProfilePatch(first_name="Augusta"), LATER))
    again = await app_fixture.app.create_profile.handle(sign_up(FIRST))

    assert {(each.id, each.first_name, each.version) for each in made} == {(made[0].id, "Ada", 1)}
    assert (again.id, again.first_name, again.version) == (made[0].id, "Augusta", 2)
    with pytest.raises(MessageIdReused):
        await app_fixture.app.create_profile.handle(sign_up(OTHER_BODY))
    with pytest.raises(EmailTaken):
        await app_fixture.app.create_profile.handle(sign_up(IdempotencyKey(b"m-2", b"one")))


async def test_a_repeated_post_is_written_once() -> None:
    app_fixture, user = AppFixture(), a_user()
    command = CreatePost(
        context=RequestContext(user, idempotency_key=FIRST), title="Note G", body="It weaves."
    )
    written = await asyncio.gather(*(app_fixture.app.create_post.handle(command) for _ in range(5)))

    assert len({each.id for each in written}) == 1
    assert len(app_fixture.posts.published) == 1
    with pytest.raises(MessageIdReused):
        await app_fixture.app.create_post.handle(
            CreatePost(context=RequestContext(user, idempotency_key=OTHER_BODY), title="x", body="y")
        )


async def test_a_repeated_change_of_a_post_is_answered_likewise() -> None:
    posts = FakePosts(post := a_post())

    def retitle(title: str, command: IdempotencyKey) -> FakeMutation[Post]:
        return FakeMutation(lambda found: found.updated(PostPatch(title=title), LATER), None, command)

    once = await update_post(posts, trusting(), FakeClock(LATER), post.id, retitle("Note H", FIRST))
    await update_post(
        posts, trusting(), FakeClock(LATER), post.id, retitle("Note I", IdempotencyKey(b"m-2", b"two"))
    )

    again = await update_post(posts, trusting(), FakeClock(LATER), post.id, retitle("Note H", FIRST))
    assert (once.title, again.title, again.version) == ("Note H", "Note I", 3)
    assert (await posts.get(post.id)).title == "Note I"


async def test_a_key_is_told_of_the_repetition_and_of_nothing_else() -> None:
    repeats: list[str] = []
    first = replace(FIRST, on_repeat=lambda: repeats.append("first"))
    other = replace(OTHER_BODY, on_repeat=lambda: repeats.append("other"))
    profiles = FakeProfiles(ada := a_profile())

    await change_profile(profiles, ada.id, rename("Augusta", first, 1))
    assert repeats == []
    with pytest.raises(MessageIdReused):
        await change_profile(profiles, ada.id, rename("Byron", other, 1))
    assert repeats == []
    await change_profile(profiles, ada.id, rename("Augusta", first, 1))
    assert repeats == ["first"]


async def test_a_repeated_command_that_would_be_refused_today_is_answered_all_the_same() -> None:
    profiles = FakeProfiles(ada := a_profile(attributes={f"a{n}": n for n in range(31)}))

    def patched(**patch: int | None) -> Callable[[Profile], Profile]:
        return lambda profile: profile.updated(ProfilePatch(attributes=patch), LATER)

    first = FakeMutation(patched(x=1), None, FIRST)
    await change_profile(profiles, ada.id, first)
    await change_profile(profiles, ada.id, FakeMutation(patched(x=None, y=1)))
    _, again = await change_profile(profiles, ada.id, first)

    assert again.version == 3
    with pytest.raises(AttributesTooLarge):
        await change_profile(
            profiles, ada.id, FakeMutation(patched(x=1), None, IdempotencyKey(b"m-2", b"two"))
        )
