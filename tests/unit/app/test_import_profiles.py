"""Users from elsewhere: who is taken over, who is there already, and who can't be."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from service.app.commands.import_profiles import (
    HashKinds,
    ImportProfiles,
    ImportProfilesHandler,
    ProfileToImport,
)
from service.app.queries.export_profiles import ExportProfilesHandler
from service.domain.profile import Profile, Role, Status
from tests.builders import NOON, a_profile, an_address
from tests.fakes.clock import FakeClock
from tests.fakes.passwords import fake_hash
from tests.fakes.profiles import FakeProfiles

HASHED = fake_hash(b"correct horse")


def known_of(**changes: Any) -> ProfileToImport:
    """Return what is known of a user elsewhere, with *changes*."""
    known: dict[str, Any] = {"email": an_address(), "first_name": "Ada", "password_hash": HASHED}
    return ProfileToImport(**{**known, **changes})


def kind_of(hashed: str) -> str | None:
    """Return what a hash is made by: fake ones may say so in their first word."""
    return hashed.partition("hash of ")[0] if "hash of " in hashed else None


async def imported(profiles: FakeProfiles, *known: ProfileToImport, **options: bool) -> Sequence[str | None]:
    """Return of each user the reason why it was not taken over."""
    handler = ImportProfilesHandler(profiles, HashKinds(kind_of, 8, {""}), FakeClock())
    outcomes = await handler.handle(ImportProfiles(known, **options))
    return [each.reason if each else None for each in outcomes]


async def test_a_user_is_taken_over_with_all_that_is_known_and_no_event() -> None:
    profiles, before = FakeProfiles(), NOON - timedelta(days=400)
    ada = known_of(
        last_name="King",
        role=Role.ADMIN,
        status=Status.SUSPENDED,
        is_verified=True,
        attributes={"plan": "gold"},
        created_at=before,
    )

    assert await imported(profiles, ada) == [None]
    (stored,) = profiles.all()
    assert (stored.email.typed, stored.last_name, stored.hashed_password) == (ada.email, "King", HASHED)
    assert (stored.role, stored.status, stored.email_verified) == (Role.ADMIN, Status.SUSPENDED, True)
    assert (stored.attributes, stored.created_at, stored.version) == ({"plan": "gold"}, before, 1)
    assert stored.id < a_profile().id  # lists are in the order in which users came
    assert profiles.published == []


async def test_the_event_is_published_of_those_who_are_new_if_that_is_asked_for() -> None:
    there = a_profile()
    profiles, ada = FakeProfiles(there), known_of()
    await imported(profiles, known_of(email=there.email.typed), ada, publish=True)

    (event,) = profiles.published
    assert event.type == "profile.created"
    assert event.subject in {each.id for each in profiles.all()} - {there.id}


async def test_who_is_there_already_is_left_as_it_is_so_that_an_import_can_be_repeated() -> None:
    profiles, users = FakeProfiles(), [known_of(), known_of(id=a_profile().id), known_of()]

    assert await imported(profiles, *users[:2]) == [None, None]
    before = profiles.all()
    spelt = known_of(email=users[0].email.upper(), first_name="Eve")
    assert await imported(profiles, spelt, *users, users[2]) == ["email_taken"] * 3 + [None, "email_taken"]
    assert profiles.all()[:2] == before


async def test_each_that_can_not_be_taken_over_says_why_and_keeps_no_other_back() -> None:
    other = a_profile()
    profiles = FakeProfiles(other)
    users = {
        "email_malformed": known_of(email="nonsense"),
        "password_hash_unknown": known_of(password_hash="md5"),
        "attributes_too_large": known_of(attributes={"a": "a" * 5000}),
        "id_taken": known_of(id=other.id),
        None: known_of(),
    }

    assert await imported(profiles, *users.values()) == list(users)
    for impossible in (datetime(1969, 12, 31, tzinfo=UTC), NOON + timedelta(days=1)):
        assert await imported(profiles, known_of(created_at=impossible)) == ["created_at_impossible"]
    assert len(profiles.all()) == 2


async def test_as_many_kinds_of_hashes_as_may_be_are_taken_over_in_all_batches_of_an_import() -> None:
    profiles, kinds = FakeProfiles(), HashKinds(kind_of, 3, {"today's "})
    handler = ImportProfilesHandler(profiles, kinds, FakeClock())
    batches = [["one ", "one ", "md5", "today's "], ["two ", "three ", "one "], ["three ", "two "]]
    told = []
    for batch in batches:
        users = [known_of(password_hash=each if each == "md5" else f"{each}{HASHED}") for each in batch]
        told += [each and each.reason for each in await handler.handle(ImportProfiles(users))]

    too_many = "too_many_hash_kinds"
    assert told == [None, None, "password_hash_unknown", None, None, too_many, None, too_many, None]
    assert len(profiles.all()) == 6


async def test_a_user_who_is_refused_brings_no_kind_of_hash_along() -> None:
    handler = ImportProfilesHandler(FakeProfiles(), HashKinds(kind_of, 1, set()), FakeClock())
    users = [known_of(email="nonsense", password_hash=f"one {HASHED}"), known_of(password_hash=HASHED)]
    told = await handler.handle(ImportProfiles(users))

    assert [each and each.reason for each in told] == ["email_malformed", None]


async def test_a_dry_run_says_the_same_and_stores_nothing() -> None:
    there = a_profile()
    profiles = FakeProfiles(there)
    users = known_of(email=there.email.typed), known_of(), known_of(password_hash="")

    expected = ["email_taken", None, "password_hash_unknown"]
    assert await imported(profiles, *users, dry_run=True) == expected
    assert profiles.all() == [there]
    assert await imported(profiles, *users) == expected


async def test_all_but_the_deleted_are_exported_page_by_page() -> None:
    here = [a_profile() for _ in range(1001)]
    exported: list[Profile] = [
        each async for each in ExportProfilesHandler(FakeProfiles(*here, a_profile().deleted(NOON))).handle()
    ]

    assert sorted(each.id for each in exported) == sorted(each.id for each in here)
