import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from service.app.commands.saving import TooManyWriters, change
from service.domain.profiles import Profile, ProfileChanges, ProfileNotFound, StaleVersion
from tests.builders import NOON, a_profile
from tests.fakes.profiles import FakeProfiles

LATER = NOON + timedelta(minutes=1)


class ContestedProfiles(FakeProfiles):
    """Lets a rival save in between, so many times."""

    def __init__(self, profile: Profile, rivals: int) -> None:
        super().__init__(profile)
        self.rivals = rivals

    async def get(self, profile_id: UUID) -> Profile:
        profile = await super().get(profile_id)
        if self.rivals:
            self.rivals -= 1
            name = f"rival {self.rivals}"
            await self.save(profile.changed(ProfileChanges(first_name=name), LATER))
        return profile


def king(profile: Profile) -> Profile:
    return profile.changed(ProfileChanges(last_name="King"), LATER)


@pytest.mark.parametrize("rivals", [0, 1, 9])
async def test_a_change_is_tried_again_when_a_rival_was_faster(rivals: int) -> None:
    ada = a_profile()
    _, changed = await change(ContestedProfiles(ada, rivals), ada.id, None, king)

    assert (changed.last_name, changed.version) == ("King", 2 + rivals)
    assert changed.first_name == ("rival 0" if rivals else "Ada")


async def test_it_gives_up_after_ten_rivals() -> None:
    ada = a_profile()
    profiles = ContestedProfiles(ada, 10)

    with pytest.raises(TooManyWriters):
        await change(profiles, ada.id, None, king)
    assert (await profiles.get(ada.id)).last_name == "Lovelace"


async def test_who_expects_a_version_is_not_tried_again() -> None:
    ada = a_profile()

    with pytest.raises(StaleVersion):
        await change(ContestedProfiles(ada, 1), ada.id, 1, king)


async def test_a_rival_who_deletes_leaves_nothing_to_change() -> None:
    ada = a_profile()
    profiles = FakeProfiles(ada)

    async def delete() -> None:
        await profiles.save(ada.deleted(LATER))

    async def rename() -> Profile:
        return (await change(profiles, ada.id, None, king))[1]

    _, renamed = await asyncio.gather(delete(), rename(), return_exceptions=True)

    assert isinstance(renamed, ProfileNotFound)


async def test_no_change_of_many_at_once_is_lost() -> None:
    ada = a_profile(first_name="")
    profiles = FakeProfiles(ada)

    def add_letter(profile: Profile) -> Profile:
        return profile.changed(ProfileChanges(first_name=profile.first_name + "x"), LATER)

    await asyncio.gather(*(change(profiles, ada.id, None, add_letter) for _ in range(10)))
    stored = await profiles.get(ada.id)

    assert (stored.first_name, stored.version) == ("x" * 10, 11)


def test_too_many_writers_may_try_again() -> None:
    assert TooManyWriters.retryable
