"""Who may do what: nobody, oneself, others, administrators, services, and those with a dead token."""

from typing import Any

import pytest

from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.replies import PROFILE, PUBLIC, refusal, result
from tests.integration.requests import a_request

ON_PROFILES = [("profile.get", {}), ("profile.update", {"last_name": "King"}), ("profile.delete", {})]
on_every_profile = pytest.mark.parametrize(("queue", "more"), ON_PROFILES)


@on_every_profile
async def test_nobody_in_particular_has_no_access(
    gateway: Gateway, ada: Person, queue: str, more: dict[str, str]
) -> None:
    reply = await gateway.ask(queue, {"id": ada["id"], **more})

    assert refusal(reply) == ("unauthenticated", "missing_token")


async def test_users_see_all_of_themselves_and_a_public_view_of_others(
    gateway: Gateway, ada: Person, bob: Person, admin: Person
) -> None:
    whole = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))
    public = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=bob["token"]))
    by_admin = result(await gateway.ask("profile.get", {"id": ada["id"]}, token=admin["token"]))

    assert whole.keys() == PROFILE
    assert whole == by_admin
    assert public.keys() == PUBLIC
    assert public == {name: whole[name] for name in PUBLIC}


async def test_users_may_not_change_or_delete_others(gateway: Gateway, ada: Person, bob: Person) -> None:
    for queue, more in ON_PROFILES[1:]:
        reply = await gateway.ask(queue, {"id": ada["id"], **more}, token=bob["token"])

        assert refusal(reply) == ("forbidden", "not_allowed")

    stale = {"id": ada["id"], "expected_version": 99, "last_name": "King"}

    assert refusal(await gateway.ask("profile.update", stale, token=bob["token"])) == (
        "forbidden",
        "not_allowed",
    )
    assert result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))["version"] == 1


@pytest.mark.parametrize("change", [{"role": "admin"}, {"status": "suspended"}, {"status": "active"}])
async def test_only_administrators_change_role_and_status(
    gateway: Gateway, service: Gateway, ada: Person, admin: Person, change: dict[str, str]
) -> None:
    body = {"id": ada["id"], "last_name": "King", **change}

    assert refusal(await gateway.ask("profile.update", body, token=ada["token"])) == (
        "forbidden",
        "not_allowed",
    )
    assert refusal(await service.ask("profile.update", body)) == ("forbidden", "not_allowed")

    changed = result(await gateway.ask("profile.update", body, token=admin["token"]))

    assert changed.items() >= body.items()
    assert changed["version"] == 2


async def test_an_administrator_suspends_and_lets_in_again(
    gateway: Gateway, ada: Person, admin: Person
) -> None:
    login = {"email": ada["email"], "password": ada["password"]}
    for version, status in ((2, "suspended"), (3, "active")):
        change = {"id": ada["id"], "status": status}
        profile = result(await gateway.ask("profile.update", change, token=admin["token"]))

        assert (profile["version"], profile["status"]) == (version, status)
        assert (await gateway.ask("auth.login", login))["ok"] is (status == "active")


async def test_an_administrator_changes_and_deletes_others_without_their_password(
    gateway: Gateway, ada: Person, admin: Person
) -> None:
    change = {"id": ada["id"], "email": f"new.{ada['email']}"}
    changed = result(await gateway.ask("profile.update", change, token=admin["token"]))
    deleted = result(await gateway.ask("profile.delete", {"id": ada["id"]}, token=admin["token"]))

    assert changed["email"] == change["email"]
    assert deleted["status"] == "deleted"


async def test_a_trusted_service_acts_where_it_is_trusted(
    service: Gateway, cleaner: Gateway, ada: Person
) -> None:
    whole = result(await service.ask("profile.get", {"id": ada["id"]}))
    changed = result(await service.ask("profile.update", {"id": ada["id"], "email": f"new.{ada['email']}"}))

    assert whole.keys() == PROFILE
    assert changed["version"] == 2

    not_here = await service.ask("profile.delete", {"id": ada["id"]})
    nor_there = await cleaner.ask("profile.get", {"id": ada["id"]})

    assert refusal(not_here) == refusal(nor_there) == ("unauthenticated", "missing_token")

    deleted = result(await cleaner.ask("profile.delete", {"id": ada["id"]}))

    assert deleted["id"] == ada["id"]


@on_every_profile
async def test_a_service_without_its_name_is_nobody(
    service: Gateway, ada: Person, queue: str, more: dict[str, str]
) -> None:
    reply = await service.ask(queue, {"id": ada["id"], **more}, user_id=None)

    assert refusal(reply) == ("unauthenticated", "missing_token")


async def test_roles_are_given_by_administrators_and_trusted_services_only(
    gateway: Gateway, service: Gateway, ada: Person, admin: Person
) -> None:
    def chief() -> dict[str, Any]:
        return a_request("profile.create", role="admin")

    assert refusal(await gateway.ask("profile.create", chief())) == ("unauthenticated", "missing_token")
    by_user = await gateway.ask("profile.create", chief(), token=ada["token"])
    assert refusal(by_user) == ("forbidden", "role_not_allowed")
    by_user_of_service = await service.ask("profile.create", chief(), token=ada["token"])
    assert refusal(by_user_of_service) == ("forbidden", "role_not_allowed")
    assert result(await gateway.ask("profile.create", chief(), token=admin["token"]))["role"] == "admin"
    assert result(await service.ask("profile.create", chief()))["role"] == "admin"
    plain = a_request("profile.create", role="user")
    assert result(await gateway.ask("profile.create", plain))["role"] == "user"


async def test_the_rights_of_a_token_go_before_those_of_the_service(
    service: Gateway, ada: Person, bob: Person
) -> None:
    public = result(await service.ask("profile.get", {"id": ada["id"]}, token=bob["token"]))
    change = {"id": ada["id"], "last_name": "King"}

    assert public.keys() == PUBLIC
    assert refusal(await service.ask("profile.update", change, token=bob["token"])) == (
        "forbidden",
        "not_allowed",
    )
