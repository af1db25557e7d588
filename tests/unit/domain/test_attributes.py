from typing import Any

import pytest

from service.domain.attributes import AttributesTooLarge, are_same, checked, merged, size_of
from service.domain.patch import NothingToChange
from service.domain.profile import ProfilePatch
from tests.builders import NOON, a_profile

KEPT = {"locale": "en-GB", "age": 36}


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ({}, KEPT),
        ({"locale": "fr"}, {"locale": "fr", "age": 36}),
        ({"locale": None}, {"age": 36}),
        ({"locale": None, "nobody": None}, {"age": 36}),
        ({"new": False}, {**KEPT, "new": False}),
        ({"age": 36.0}, {"locale": "en-GB", "age": 36.0}),
    ],
)
def test_an_update_names_what_changes_and_the_others_stay(patch: dict[str, Any], after: object) -> None:
    ada = a_profile(attributes=KEPT)
    changed = ada.updated(ProfilePatch(attributes=patch), NOON)

    assert repr(dict(sorted(changed.attributes.items()))) == repr(dict(sorted(after.items())))  # type: ignore[attr-defined]
    assert (changed is ada) is (patch == {})


def test_what_is_the_same_is_no_change_and_an_empty_update_still_is_none() -> None:
    ada = a_profile(attributes=KEPT)

    assert ada.updated(ProfilePatch(attributes={"age": 36, "nobody": None}), NOON) is ada
    with pytest.raises(NothingToChange):
        ada.updated(ProfilePatch(), NOON)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1)])
def test_values_that_python_takes_for_equal_are_not_the_same(one: Any, other: Any) -> None:
    assert not are_same({"a": one}, {"a": other})
    changed = a_profile(attributes={"a": one}).updated(ProfilePatch(attributes={"a": other}), NOON)
    assert type(changed.attributes["a"]) is type(other)
    assert changed.version == 2


def test_32_are_taken_and_4_kib_as_they_are_after_the_update() -> None:
    full = {f"a{each}": each for each in range(32)}
    long = {"a": "\u00e9" * 2_044}

    assert (checked(full), size_of(long)) == (full, 4_096)
    assert checked(long) == long
    assert merged(full, {"a0": None, "new": 1}).keys() == full.keys() - {"a0"} | {"new"}
    for patch in ({"new": 1}, {"a0": "x" * 4_000}):
        with pytest.raises(AttributesTooLarge):
            merged(full, patch)
    with pytest.raises(AttributesTooLarge):
        a_profile(attributes=long).updated(ProfilePatch(attributes={"b": 1}), NOON)


def test_events_name_them_without_what_is_in_them_and_erasing_takes_them() -> None:
    ada = a_profile().updated(ProfilePatch(attributes={"nickname": "Canary"}), NOON)

    assert ada.events[0].data["changed"] == ["attributes"]
    assert "Canary" not in repr(ada.events)
    assert ada.erased(NOON).attributes == {}
    assert ada.deleted(NOON).restored(NOON).attributes == {"nickname": "Canary"}


def test_who_has_one_name_has_an_empty_other_one() -> None:
    ada = a_profile().updated(ProfilePatch(last_name=""), NOON)

    assert (ada.last_name, ada.version) == ("", 2)
    assert ada.personal_words[0] == ada.email.key
