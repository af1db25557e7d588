"""Where `SECOND_FACTOR` asks for one, a session without a code is there to enroll a second factor."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import pytest_asyncio

from profile_contracts.operations import OPERATIONS
from service.domain.totp import code_at
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, connected
from tests.integration.identity.people import Tokens, alive, logged_in, refresh, signed_up
from tests.integration.identity.test_second_factor import enrolled
from tests.integration.replies import refusal, result
from tests.integration.requests import PASSWORD, a_request
from tests.integration.workers import isolated_sandbox, running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

NEEDED = ("forbidden", "second_factor_needed")


@contextmanager
def _strict(servers: Servers, folder: Path, policy: str) -> Iterator[Sandbox]:
    with isolated_sandbox(servers) as sandbox:
        settings = {
            "SECOND_FACTOR": policy,
            "BCRYPT_COST": "10",
            "TRUSTED_SERVICES": json.dumps({urlsplit(sandbox.service_url).username: ["profile.create"]}),
        }
        with running_worker(sandbox, folder, settings):
            yield sandbox


@pytest.fixture(scope="module")
def for_everybody(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with a worker that asks everybody for a second factor."""
    with _strict(servers, tmp_path_factory.mktemp("everybody"), "everybody") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def for_administrators(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with a worker that asks administrators for one."""
    with _strict(servers, tmp_path_factory.mktemp("administrators"), "administrators") as sandbox:
        yield sandbox


@pytest_asyncio.fixture
async def gateway(for_everybody: Sandbox) -> AsyncIterator[Gateway]:
    """A gateway that is not trusted, where everybody needs one."""
    async with connected(for_everybody.gateway_url) as gateway:
        yield gateway


def amr(tokens: Tokens) -> list[str]:
    """Return what the access token says of how its user has logged in."""
    told: list[str] = jwt.decode(tokens["access_token"], options={"verify_signature": False})["amr"]
    return told


async def begun(gateway: Gateway, person: Person) -> tuple[Person, Tokens]:
    """Return *person*, logged in without a code, and the tokens."""
    tokens = await logged_in(gateway, person)
    return {**person, "token": tokens["access_token"]}, tokens


@pytest.mark.parametrize("operation", [each.queue for each in OPERATIONS if each.needs_second_factor])
async def test_a_session_without_a_code_is_good_for_nothing_else(gateway: Gateway, operation: str) -> None:
    ada, tokens = await begun(gateway, await signed_up(gateway))
    request = a_request(operation)
    own = {**request, "id": ada["id"]} if "id" in request else request
    for each in (request, own):
        assert refusal(await gateway.ask(operation, each, token=ada["token"])) == NEEDED

    assert await alive(gateway, [tokens]) == [True]


async def test_who_enrolls_a_second_factor_goes_on_in_the_same_session(gateway: Gateway) -> None:
    ada, tokens = await begun(gateway, await signed_up(gateway))
    own = {"id": ada["id"]}
    before = await gateway.ask("profile.get", own, token=ada["token"])
    secret, step, codes = await enrolled(gateway, ada)
    after = await gateway.ask("profile.get", own, token=ada["token"])
    following = await refresh(gateway, tokens)
    credentials = {"email": ada["email"], "password": PASSWORD}
    by_app = {**credentials, "otp": code_at(secret, step + 1)}
    logins = [
        result(await gateway.ask("auth.login", each)) for each in (by_app, {**credentials, "otp": codes[0]})
    ]

    assert refusal(before) == NEEDED
    assert result(after)["totp_enrolled"] is True
    assert amr(tokens) == ["pwd"]
    assert [amr(each) for each in (following, *logins)] == [["pwd", "otp"]] * 3
    for each in (following, *logins):
        assert result(await gateway.ask("profile.get", own, token=each["access_token"]))["id"] == ada["id"]


async def test_own_sessions_are_seen_and_ended_without_a_code_and_those_of_others_are_not(
    gateway: Gateway, for_everybody: Sandbox
) -> None:
    async with connected(for_everybody.service_url) as service:
        grace = await signed_up(service, role="admin")
    ada = await signed_up(gateway)
    theirs = await logged_in(gateway, ada)
    grace, mine = await begun(gateway, grace)
    other = await logged_in(gateway, grace)
    of_another = {"user_id": ada["id"]}
    refused = [
        await gateway.ask("auth.sessions", of_another, token=grace["token"]),
        await gateway.ask("auth.logout", {**of_another, "scope": "global"}, token=grace["token"]),
    ]
    listed = result(await gateway.ask("auth.sessions", {}, token=grace["token"]))
    ended = result(await gateway.ask("auth.logout", {"scope": "others"}, token=grace["token"]))

    assert [refusal(each) for each in refused] == [NEEDED] * 2
    assert [each["current"] for each in listed["items"]] == [False, True]
    assert ended == {"revoked": 1}
    assert await alive(gateway, [theirs, mine, other]) == [True, True, False]


async def test_where_administrators_need_one_users_do_not(for_administrators: Sandbox) -> None:
    async with (
        connected(for_administrators.gateway_url) as gateway,
        connected(for_administrators.service_url) as service,
    ):
        ada, _ = await begun(gateway, await signed_up(gateway))
        grace, _ = await begun(gateway, await signed_up(service, role="admin"))
        own = await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"])
        before = await gateway.ask("profile.get", {"id": ada["id"]}, token=grace["token"])
        await enrolled(gateway, grace)
        after = await gateway.ask("profile.get", {"id": ada["id"]}, token=grace["token"])

    assert result(own) == result(after)
    assert refusal(before) == NEEDED
