"""The first administrator, and the last one."""

from typing import Any

import pytest

from tests.builders import an_address
from tests.integration import operators
from tests.integration.conftest import Person
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import alive, logged_in, signed_up
from tests.integration.identity.profilectl import profilectl, profilectl_refuses
from tests.integration.replies import refusal, result
from tests.integration.requests import PASSWORD

ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "demote": ("profile.update", {"role": "user"}),
    "suspend": ("profile.update", {"status": "suspended"}),
    "both": ("profile.update", {"role": "user", "status": "suspended", "last_name": "King"}),
    "delete": ("profile.delete", {}),
}
LAST_ADMIN = ("conflict", "last_admin")


async def test_the_only_administrator_stays_one_until_there_is_another(empty: IsolatedEnv) -> None:
    address = an_address()
    created = await profilectl(empty, "admin", "create", address, ADMIN_PASSWORD=PASSWORD)
    ann: Person = {"id": created.split()[-1], "email": address, "password": PASSWORD}
    token = (await logged_in(empty.gateway, ann))["access_token"]
    profile = result(await empty.gateway.ask("profile.get", {"id": ann["id"]}, token=token))

    assert profile["role"] == "admin"

    for queue, more in ENDS.values():
        reply = await empty.gateway.ask(queue, {"id": ann["id"], **more}, token=token)

        assert refusal(reply) == LAST_ADMIN

    suspended = await signed_up(empty.service, role="admin")
    change = {"id": suspended["id"], "status": "suspended"}
    result(await empty.gateway.ask("profile.update", change, token=token))
    reply = await empty.gateway.ask("profile.delete", {"id": ann["id"]}, token=token)

    assert refusal(reply) == LAST_ADMIN  # who may not log in is no administrator to count on
    assert await alive(empty.gateway, [{"access_token": token}]) == [True]
    same = {"id": ann["id"], "role": "admin", "status": "active", "last_name": "King"}
    assert result(await empty.gateway.ask("profile.update", same, token=token))["version"] == 2

    await signed_up(empty.service, role="admin")
    demoted = await empty.gateway.ask("profile.update", {"id": ann["id"], "role": "user"}, token=token)

    assert result(demoted)["role"] == "user"
    assert await alive(empty.gateway, [{"access_token": token}]) == [False]


async def test_a_new_administrator_is_in_the_audit_trail_and_the_id_alone_is_the_output(
    empty: IsolatedEnv,
) -> None:
    address = an_address()
    said = await operators.profilectl(
        empty.sandbox,
        "admin",
        "create",
        address,
        ADMIN_PASSWORD=PASSWORD,
        MONGO_URL=empty.sandbox.mongo_url,
        SIGNING_KEYS_DIR=str(empty.keys),
        BCRYPT_COST="10",
    )
    (line,) = said.audit

    assert (line["event"], line["actor"]) == ("user_created", "profilectl")
    assert said.out == f"{line['subject']}\n"
    assert address not in said.err
    assert PASSWORD not in said.err


@pytest.mark.parametrize("end", ["suspend", "delete"])
async def test_administrators_may_go_while_others_stay(empty: IsolatedEnv, end: str) -> None:
    leaving, _ = [await signed_up(empty.service, role="admin") for _ in range(2)]
    token = (await logged_in(empty.gateway, leaving))["access_token"]
    queue, more = ENDS[end]

    assert result(await empty.gateway.ask(queue, {"id": leaving["id"], **more}, token=token))


async def test_somebody_who_has_signed_up_is_promoted_and_logs_in_again(empty: IsolatedEnv) -> None:
    ada = await signed_up(empty.gateway)
    session = await logged_in(empty.gateway, ada)
    said = await profilectl(empty, "admin", "promote", ada["email"].upper())
    token = (await logged_in(empty.gateway, ada))["access_token"]
    people = result(await empty.gateway.ask("profile.list", {"email_prefix": ada["email"]}, token=token))[
        "items"
    ]

    assert said.splitlines()[-1] == f"{ada['id']} is admin, version 2."
    assert [(each["id"], each["role"]) for each in people] == [(ada["id"], "admin")]
    assert await alive(empty.gateway, [session]) == [False]


async def test_nobody_is_promoted_who_has_not_signed_up(empty: IsolatedEnv) -> None:
    assert (
        await profilectl_refuses(empty, "admin", "promote", an_address(), code=6)
        == "Cannot run: There is no such profile."
    )


async def test_an_administrator_with_a_bad_password_is_not_made(empty: IsolatedEnv) -> None:
    said = await profilectl_refuses(empty, "admin", "create", an_address(), code=1, ADMIN_PASSWORD="iloveyou")

    assert "guessed first" in said
    assert "iloveyou" not in said


async def test_an_administrator_whose_address_is_taken_is_not_made(empty: IsolatedEnv) -> None:
    taken = (await signed_up(empty.service))["email"]
    said = await profilectl_refuses(empty, "admin", "create", taken.upper(), code=1, ADMIN_PASSWORD=PASSWORD)

    assert said == "Cannot run: Another profile has this e-mail address."


@pytest.mark.parametrize(
    ("address", "beginning", "code"),
    [
        ("ada", "Cannot run: This is not an e-mail address.", 1),
        ("@example.org", "Cannot run: This is not an e-mail address.", 1),
        ("a", "EMAIL: ", 2),  # too short for the contract; what follows is Pydantic's
    ],
)
async def test_an_administrator_without_an_address_is_not_made(
    empty: IsolatedEnv, address: str, beginning: str, code: int
) -> None:
    said = await profilectl_refuses(empty, "admin", "create", address, code=code, ADMIN_PASSWORD=PASSWORD)

    assert said.startswith(beginning)
    assert PASSWORD not in said
