"""`profile.update`, `profile.delete` and `profile.get`: what changes, and what is gone."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.replies import DELETED, PROFILE, moment, refusal, result
from tests.integration.requests import PASSWORD


async def test_an_update_changes_what_it_names_and_nothing_else(gateway: Gateway, ada: Person) -> None:
    before = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))
    change = {"id": ada["id"], "last_name": " King "}
    after = result(await gateway.ask("profile.update", change, token=ada["token"]))

    assert after.keys() == PROFILE
    assert after == {**before, "last_name": "King", "version": 2, "updated_at": after["updated_at"]}
    assert moment(after["updated_at"]) > moment(before["updated_at"])
    assert after == result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))


async def test_an_update_to_what_is_there_already_is_no_change(gateway: Gateway, ada: Person) -> None:
    before = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))
    same = {"id": ada["id"], "first_name": " Ada", "last_name": "Lovelace"}
    after = result(await gateway.ask("profile.update", same, token=ada["token"]))

    assert after == before


@pytest.mark.parametrize("more", [{}, {"expected_version": 1}, {"current_password": PASSWORD}])
async def test_an_update_that_names_no_field_is_invalid(
    gateway: Gateway, ada: Person, more: dict[str, object]
) -> None:
    reply = await gateway.ask("profile.update", {"id": ada["id"], **more}, token=ada["token"])

    assert refusal(reply) == ("invalid", "nothing_to_change")


async def test_only_the_version_that_is_there_can_be_expected(gateway: Gateway, ada: Person) -> None:
    change = {"id": ada["id"], "expected_version": 1, "last_name": "King"}

    assert result(await gateway.ask("profile.update", change, token=ada["token"]))["version"] == 2

    for version in (1, 3):
        stale = {**change, "expected_version": version, "last_name": "Byron"}
        for queue, body in (
            ("profile.update", stale),
            ("profile.delete", {"id": ada["id"], "expected_version": version}),
        ):
            reply = await gateway.ask(queue, body, token=ada["token"])

            assert refusal(reply) == ("conflict", "stale_version")
            assert reply["error"]["details"] == [{"field": "expected_version", "reason": "stale_version"}]

    last = {"id": ada["id"], "expected_version": 2}

    assert result(await gateway.ask("profile.delete", last, token=ada["token"]))["status"] == "deleted"


async def test_attributes_are_kept_beside_the_fields_and_a_name_may_be_taken_away(
    gateway: Gateway, ada: Person
) -> None:
    own = {"id": ada["id"]}
    change = {"attributes": {"locale": "fr", "since": 2026, "share": 0.5, "newsletter": True}}
    first = result(await gateway.ask("profile.update", {**own, **change}, token=ada["token"]))
    less = {"last_name": None, "attributes": {"locale": "en", "share": None}}
    second = result(await gateway.ask("profile.update", {**own, **less}, token=ada["token"]))
    full = {"attributes": {"bio": "x" * 4_090}}
    refused = await gateway.ask("profile.update", {**own, **full}, token=ada["token"])

    assert first["attributes"] == {"locale": "fr", "since": 2026, "share": 0.5, "newsletter": True}
    assert second["attributes"] == {"locale": "en", "since": 2026, "newsletter": True}
    assert (second["last_name"], second["version"]) == ("", 3)
    assert result(await gateway.ask("profile.get", own, token=ada["token"])) == second
    assert refusal(refused) == ("invalid", "attributes_too_large")


async def test_users_prove_their_password_to_change_their_address(gateway: Gateway, ada: Person) -> None:
    address = an_address()
    change = {"id": ada["id"], "email": address}
    without = await gateway.ask("profile.update", change, token=ada["token"])

    assert refusal(without) == ("invalid", "current_password_required")
    assert without["error"]["details"] == [
        {"field": "current_password", "reason": "current_password_required"}
    ]

    for guess in ("not the password", "x" * 73, PASSWORD + "\0"):
        wrong = await gateway.ask("profile.update", {**change, "current_password": guess}, token=ada["token"])

        assert refusal(wrong) == ("unauthenticated", "invalid_credentials")

    proven = await gateway.ask("profile.update", {**change, "current_password": PASSWORD}, token=ada["token"])

    assert result(proven)["email"] == address
    assert result(await gateway.ask("auth.login", {"email": address.upper(), "password": PASSWORD}))
    old = await gateway.ask("auth.login", {"email": ada["email"], "password": PASSWORD})
    assert refusal(old) == ("unauthenticated", "invalid_credentials")


async def test_another_spelling_of_ones_address_is_a_change(gateway: Gateway, ada: Person) -> None:
    louder = ada["email"].upper()
    change = {"id": ada["id"], "email": louder, "current_password": PASSWORD}
    profile = result(await gateway.ask("profile.update", change, token=ada["token"]))

    assert (profile["email"], profile["version"]) == (louder, 2)


async def test_the_address_of_somebody_else_is_taken(gateway: Gateway, ada: Person, bob: Person) -> None:
    change = {"id": ada["id"], "email": bob["email"].upper(), "current_password": PASSWORD}
    reply = await gateway.ask("profile.update", change, token=ada["token"])

    assert refusal(reply) == ("conflict", "email_taken")


async def test_a_deleted_profile_is_not_found_by_anybody_else(
    gateway: Gateway, service: Gateway, ada: Person, bob: Person, admin: Person
) -> None:
    deleted = result(await gateway.ask("profile.delete", {"id": ada["id"]}, token=ada["token"]))

    assert deleted.keys() == DELETED
    assert (deleted["id"], deleted["status"]) == (ada["id"], "deleted")
    assert moment(deleted["deleted_at"]) <= datetime.now(UTC)

    for queue, more in (
        ("profile.get", {}),
        ("profile.update", {"last_name": "King"}),
        ("profile.delete", {}),
    ):
        for person in (bob, admin):
            reply = await gateway.ask(queue, {"id": ada["id"], **more}, token=person["token"])

            assert refusal(reply) == ("not_found", "profile_not_found")

        own = await gateway.ask(queue, {"id": ada["id"], **more}, token=ada["token"])

        assert refusal(own) == ("unauthenticated", "session_ended")

    assert refusal(await service.ask("profile.get", {"id": ada["id"]})) == ("not_found", "profile_not_found")


@pytest.mark.parametrize("queue", ["profile.get", "profile.update", "profile.delete"])
async def test_an_unknown_profile_is_not_found(gateway: Gateway, admin: Person, queue: str) -> None:
    change = {"last_name": "King"} if queue == "profile.update" else {}
    reply = await gateway.ask(queue, {"id": str(uuid4()), **change}, token=admin["token"])

    assert refusal(reply) == ("not_found", "profile_not_found")
    assert reply["error"]["details"] == [{"field": "id", "reason": "profile_not_found"}]


async def test_an_id_is_found_in_capitals_too(gateway: Gateway, ada: Person) -> None:
    profile = result(await gateway.ask("profile.get", {"id": ada["id"].upper()}, token=ada["token"]))

    assert profile["id"] == ada["id"]
