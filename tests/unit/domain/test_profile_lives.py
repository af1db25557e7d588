"""Deleting, restoring and erasing: what is left of a profile, and what others are told."""

from datetime import timedelta

import pytest

from service.domain.email import Email
from service.domain.profile import NotDeleted, Profile, Role, Status
from tests.builders import NOON, a_profile

LATER, LATEST = NOON + timedelta(hours=1), NOON + timedelta(hours=2)


def published(profile: Profile) -> list[tuple[str, int, object]]:
    """Return what others are told: type, version, and what changed or why sessions ended."""
    return [
        (each.type.value, each.version, each.data.get("changed") or each.data["reason"])
        for each in profile.events
    ]


def test_who_was_suspended_comes_back_suspended() -> None:
    suspended = a_profile(status=Status.SUSPENDED)

    assert suspended.deleted(LATER).restored(LATEST).status is Status.SUSPENDED


def test_a_restored_profile_is_as_it_was_but_for_its_version() -> None:
    ada = a_profile(role=Role.ADMIN)
    restored = ada.deleted(LATER).restored(LATEST)
    same = set(Profile.__dataclass_fields__) - {"version", "sessions_version", "updated_at", "events"}

    assert {each: getattr(restored, each) for each in same} == {each: getattr(ada, each) for each in same}
    assert (restored.version, restored.updated_at) == (3, LATEST)
    assert published(restored) == [("profile.updated", 3, ["status"])]


def test_the_sessions_from_before_it_was_deleted_do_not_come_back() -> None:
    assert a_profile().deleted(LATER).restored(LATEST).sessions_version == 2


@pytest.mark.parametrize(
    "ada",
    [
        a_profile(),
        a_profile(status=Status.SUSPENDED),
        a_profile().erased(NOON),
        a_profile().deleted(NOON).erased(NOON),
    ],
)
def test_only_the_deleted_are_restored(ada: Profile) -> None:
    with pytest.raises(NotDeleted):
        ada.restored(LATER)


def test_erasing_leaves_nothing_personal() -> None:
    ada = a_profile(first_name="canary", last_name="canary", email=Email.parse("canary@example.org"))
    erased = ada.erased(LATER)

    assert (erased.first_name, erased.last_name, erased.email, erased.hashed_password) == (
        "",
        "",
        Email("", ""),
        "",
    )
    assert (erased.id, erased.oid, erased.created_at) == (ada.id, ada.oid, NOON)
    assert (erased.status, erased.version, erased.deleted_at) == (Status.ERASED, 2, LATER)
    assert not erased.may_log_in
    assert "canary" not in f"{erased!r} {erased.events!r}"


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.SUSPENDED])
def test_erasing_who_was_not_deleted_ends_the_sessions(status: Status) -> None:
    erased = a_profile(status=status).erased(LATER)
    fields = ["email", "first_name", "last_name", "password", "status"]

    assert erased.sessions_version == 2
    assert published(erased) == [("profile.erased", 2, fields), ("auth.session_revoked", 2, "deleted")]


def test_erasing_the_deleted_keeps_when_that_was_and_ends_no_session_again() -> None:
    erased = a_profile().deleted(LATER).erased(LATEST)

    assert (erased.deleted_at, erased.updated_at, erased.version) == (LATER, LATEST, 3)
    assert erased.sessions_version == 2
    assert [kind for kind, _, _ in published(erased)] == ["profile.erased"]


def test_erasing_again_changes_nothing() -> None:
    erased = a_profile().erased(LATER)

    assert erased.erased(LATEST) is erased
