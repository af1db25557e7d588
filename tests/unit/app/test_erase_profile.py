from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from service.app.commands.erase_expired import EraseExpiredHandler
from service.app.commands.erase_post import ErasePostHandler
from service.app.commands.erase_profile import EraseProfile, EraseProfileHandler
from service.domain.errors import StaleVersion
from service.domain.profile import LastAdmin, Profile, ProfileNotFound, ProfilePatch, Role, Status
from tests.builders import NOON, a_profile, a_session
from tests.fakes.clock import FakeClock
from tests.fakes.operating import OPERATOR, eraser
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions

LATER = NOON + timedelta(minutes=1)
RETENTION = timedelta(days=30)


def erasing(*stored: Profile, sessions: FakeSessions | None = None) -> EraseProfileHandler:
    return eraser(FakeProfiles(*stored), sessions or FakeSessions(), FakeClock(LATER))


@pytest.mark.parametrize(
    "ada",
    [a_profile(), a_profile(status=Status.SUSPENDED), a_profile().deleted(NOON)],
    ids=lambda each: each.status,
)
async def test_whatever_the_profile_was_nothing_personal_is_left(ada: Profile) -> None:
    erase = erasing(ada)
    left = await erase.handle(EraseProfile(context=OPERATOR, profile_id=ada.id))

    assert await erase.profiles.get_including_deleted(ada.id) == left
    assert (left.status, left.version, left.first_name, left.email.typed) == (
        Status.ERASED,
        ada.version + 1,
        "",
        "",
    )
    await erase.profiles.add(a_profile(email=ada.email))


async def test_all_sessions_go_even_one_that_was_opened_while_the_profile_was_deleted() -> None:
    ada = a_profile()
    late, others = a_session(ada.id), a_session()
    sessions = FakeSessions(late, a_session(ada.id), others)
    await erasing(ada.deleted(NOON), sessions=sessions).handle(
        EraseProfile(context=OPERATOR, profile_id=ada.id)
    )

    assert list(sessions.stored) == [others.id]


async def test_erasing_again_changes_nothing_but_removes_what_was_left() -> None:
    erased = a_profile().erased(NOON)
    sessions = FakeSessions(a_session(erased.id))  # of a worker that died between its two writes
    erase = erasing(erased, sessions=sessions)

    assert await erase.handle(EraseProfile(context=OPERATOR, profile_id=erased.id)) is erased
    assert await erase.profiles.get_including_deleted(erased.id) == erased
    assert sessions.stored == {}


async def test_the_last_administrator_is_not_erased() -> None:
    boss = a_profile(role=Role.ADMIN)
    erase = erasing(boss, a_profile())

    with pytest.raises(LastAdmin):
        await erase.handle(EraseProfile(context=OPERATOR, profile_id=boss.id))
    assert await erase.profiles.get(boss.id) == boss


@pytest.mark.parametrize("stays", [True, False])
async def test_an_administrator_who_is_not_the_last_or_is_deleted_is_erased(*, stays: bool) -> None:
    boss = a_profile(role=Role.ADMIN)
    erase = erasing(boss, a_profile(role=Role.ADMIN)) if stays else erasing(boss.deleted(NOON))

    assert (await erase.handle(EraseProfile(context=OPERATOR, profile_id=boss.id))).status is Status.ERASED


async def test_who_never_was_is_not_erased() -> None:
    with pytest.raises(ProfileNotFound):
        await erasing().handle(EraseProfile(context=OPERATOR, profile_id=uuid4()))


async def test_a_profile_that_has_changed_since_it_was_loaded_is_not_erased() -> None:
    ada = a_profile()
    erase = erasing(ada)
    await erase.profiles.save(changed := ada.updated(ProfilePatch(last_name="King"), LATER))

    with pytest.raises(StaleVersion):
        await erase.erase(ada)
    assert await erase.profiles.get(ada.id) == changed


def keeping(profiles: FakeProfiles) -> EraseExpiredHandler:
    clock = FakeClock(NOON + RETENTION)
    erase_profile = eraser(profiles, FakeSessions(), clock)
    return EraseExpiredHandler(erase_profile, ErasePostHandler(FakePosts(), clock), clock, RETENTION)


async def statuses(profiles: FakeProfiles, *those: Profile) -> list[Status]:
    return [(await profiles.get_including_deleted(each.id)).status for each in those]


async def test_what_was_deleted_long_ago_is_erased_and_nothing_else() -> None:
    moment = timedelta(milliseconds=1)
    old, due = a_profile().deleted(NOON - RETENTION), a_profile().deleted(NOON)
    young, active = a_profile().deleted(NOON + moment), a_profile()
    erased = a_profile().erased(NOON - RETENTION)
    profiles = FakeProfiles(old, due, young, active, erased)
    await keeping(profiles).handle()

    assert await statuses(profiles, old, due, young, active) == ["erased", "erased", "deleted", "active"]
    assert await profiles.get_including_deleted(erased.id) == erased


async def test_of_very_many_those_are_erased_that_have_waited_longest() -> None:
    deleted = [a_profile().deleted(NOON - timedelta(seconds=each)) for each in range(250)]
    profiles = FakeProfiles(*deleted)
    retention = keeping(profiles)
    for rounds in (1, 2, 3):
        await retention.handle()

        left = await statuses(profiles, *deleted)
        assert left == sorted(left)  # "deleted" before "erased"
        assert left.count(Status.ERASED) == min(100 * rounds, 250)


class Interrupted(FakeProfiles):
    """Somebody restores the first profile just after those were looked for that are due."""

    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Profile]:
        due = await super().deleted_before(moment, limit, skip=skip)
        if not skip:
            await self.save(due[0].restored(moment))
        return due


async def test_who_is_restored_at_the_last_moment_is_not_erased() -> None:
    first, second = (a_profile().deleted(NOON - timedelta(days=each)) for each in (2, 1))
    profiles = Interrupted(first, second)
    await keeping(profiles).handle()

    assert await statuses(profiles, first, second) == [Status.ACTIVE, Status.ERASED]


@pytest.mark.parametrize("stubborn", [1, 250])
async def test_profiles_that_cannot_be_erased_do_not_keep_the_others(stubborn: int) -> None:
    class Stubborn(FakeProfiles):
        async def save(
            self, profile: Profile, *, require_other_admin: bool = False, authorized_by: Profile | None = None
        ) -> None:
            if profile.id in {each.id for each in those}:
                raise ZeroDivisionError
            await super().save(profile, require_other_admin=require_other_admin, authorized_by=authorized_by)

    @contextmanager
    def guard() -> Iterator[None]:
        try:
            yield
        except ZeroDivisionError as error:
            skipped.append(error)

    skipped: list[Exception] = []
    those = [a_profile().deleted(NOON - timedelta(days=1)) for _ in range(stubborn)]
    bob = a_profile().deleted(NOON)
    profiles, clock = Stubborn(*those, bob), FakeClock(NOON + RETENTION)
    erase = eraser(profiles, FakeSessions(), clock)
    erase_post = ErasePostHandler(FakePosts(), clock)
    await EraseExpiredHandler(erase, erase_post, clock, RETENTION, guard).handle()

    assert len(skipped) == stubborn
    assert set(await statuses(profiles, *those)) == {Status.DELETED}
    assert (await profiles.get_including_deleted(bob.id)).status is Status.ERASED
