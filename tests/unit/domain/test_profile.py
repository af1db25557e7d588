from datetime import timedelta

import pytest

from service.domain.email import Email
from service.domain.patch import NothingToChange
from service.domain.profile import Profile, ProfilePatch, Role, Status
from tests.builders import NOON, a_profile

LATER = NOON + timedelta(hours=1)


def test_a_new_profile_is_an_active_user_at_version_1() -> None:
    profile = a_profile()

    assert (profile.role, profile.status, profile.version) == (Role.USER, Status.ACTIVE, 1)
    assert profile.may_log_in


@pytest.mark.parametrize(
    "changes",
    [
        ProfilePatch(first_name="Augusta"),
        ProfilePatch(last_name="King"),
        ProfilePatch(email=Email.parse("augusta@example.org")),
        ProfilePatch(role=Role.ADMIN),
        ProfilePatch(status=Status.SUSPENDED),
        ProfilePatch(first_name="Augusta", last_name="King", role=Role.ADMIN),
    ],
)
def test_a_change_makes_the_next_version(changes: ProfilePatch) -> None:
    profile = a_profile()
    changed = profile.updated(changes, LATER)

    assert (changed.version, changed.updated_at) == (2, LATER)
    assert {name: getattr(changed, name) for name in changes.provided()} == changes.provided()


def test_a_change_leaves_everything_else_as_it_was() -> None:
    profile = a_profile()
    changed = profile.updated(ProfilePatch(first_name="Augusta"), LATER)
    untouched = set(Profile.__dataclass_fields__) - {"first_name", "version", "updated_at", "events"}

    assert {each: getattr(changed, each) for each in untouched} == {
        each: getattr(profile, each) for each in untouched
    }
    assert profile.first_name == "Ada"


def test_versions_grow_by_1() -> None:
    profile = a_profile()
    for version, name in enumerate(["B", "C", "D"], start=2):
        profile = profile.updated(ProfilePatch(first_name=name), LATER)

        assert profile.version == version


def test_no_change_is_before_the_last_one_as_far_as_clocks_may_be_apart() -> None:
    """Sessions that are opened after a change that has ended all are told from those by its time."""
    apart = (timedelta(seconds=20), timedelta(hours=1))
    ahead = [a_profile().with_password(NOON + each, hashed="h", session_id=None) for each in apart]
    after = [each.updated(ProfilePatch(first_name="Augusta"), NOON) for each in ahead]

    assert [each.updated_at - NOON for each in after] == [timedelta(seconds=20), timedelta(seconds=30)]


def test_a_change_to_what_is_there_already_changes_nothing() -> None:
    profile = a_profile()

    assert profile.updated(ProfilePatch(first_name="Ada", email=profile.email), LATER) is profile


def test_another_spelling_of_the_address_is_a_change() -> None:
    profile = a_profile(email=Email.parse("ada@example.org"))
    changed = profile.updated(ProfilePatch(email=Email.parse("ADA@example.org")), LATER)

    assert (changed.version, changed.email.typed) == (2, "ADA@example.org")


def test_a_change_has_to_name_a_field() -> None:
    with pytest.raises(NothingToChange):
        a_profile().updated(ProfilePatch(), LATER)


def test_deleting_makes_a_version_of_its_own() -> None:
    deleted = a_profile().deleted(LATER)

    assert (deleted.status, deleted.version) == (Status.DELETED, 2)
    assert deleted.deleted_at == deleted.updated_at == LATER


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.DELETED])
def test_only_active_users_may_log_in(status: Status) -> None:
    assert not a_profile(status=status).may_log_in


def test_a_profile_does_not_show_its_hash() -> None:
    assert "$2b$" not in repr(a_profile(hashed_password="$2b$12$secret"))


def test_to_see_that_an_address_is_verified_it_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is with each profile that is read, and to read an address takes longer than all else of that."""
    profile = a_profile().with_verified_email(LATER)
    monkeypatch.setattr(Email, "recognised", None)

    assert profile.email_verified
    assert not a_profile().email_verified
