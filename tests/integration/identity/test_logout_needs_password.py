"""With `LOGOUT_NEEDS_PASSWORD`, users show their password to end other sessions than the one they are in."""

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.integration.gateway import Gateway, connected
from tests.integration.identity.people import alive, logged_in, signed_up, verdict
from tests.integration.replies import refusal, result
from tests.integration.requests import PASSWORD
from tests.integration.workers import isolated_sandbox, running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox


@pytest.fixture(scope="module")
def strict(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with a worker that is set up so."""
    with isolated_sandbox(servers) as sandbox:
        settings = {
            "LOGOUT_NEEDS_PASSWORD": "true",
            "BCRYPT_COST": "10",
            "TRUSTED_SERVICES": json.dumps({urlsplit(sandbox.service_url).username: ["profile.create"]}),
        }
        with running_worker(sandbox, tmp_path_factory.mktemp("strict"), settings):
            yield sandbox


@pytest_asyncio.fixture(scope="module")
async def gateway(strict: Sandbox) -> AsyncIterator[Gateway]:
    """A gateway of it."""
    async with connected(strict.gateway_url) as gateway:
        yield gateway


@pytest.mark.parametrize("way", ["others", "global", "session_id"])
async def test_a_user_shows_the_password_to_end_other_sessions(gateway: Gateway, way: str) -> None:
    ada = await signed_up(gateway)
    mine, other = [await logged_in(gateway, ada) for _ in range(2)]
    session = (await verdict(gateway, other["access_token"]))["sid"]
    which = {"session_id": session} if way == "session_id" else {"scope": way}
    without = await gateway.ask("auth.logout", which, token=mine["access_token"])
    wrong = [
        await gateway.ask(
            "auth.logout", {**which, "current_password": "a wrong one"}, token=mine["access_token"]
        )
        for _ in range(11)
    ]
    assert await alive(gateway, [mine, other]) == [True, True]
    third = await logged_in(gateway, ada)
    right = {**which, "current_password": PASSWORD}
    locked = await gateway.ask("auth.logout", right, token=mine["access_token"])
    ended = result(await gateway.ask("auth.logout", right, token=third["access_token"]))

    assert refusal(without) == ("invalid", "current_password_required")
    assert without["error"]["details"] == [
        {"field": "current_password", "reason": "current_password_required"}
    ]
    assert [refusal(each)[1] for each in wrong] == ["invalid_credentials"] * 10 + ["too_many_attempts"]
    assert refusal(locked) == ("rate_limited", "too_many_attempts")
    left = {"others": [False, False, True], "global": [False] * 3, "session_id": [True, False, True]}[way]
    assert await alive(gateway, [mine, other, third]) == left
    assert ended == {"revoked": left.count(False)}


async def test_this_session_ends_without_a_password_and_so_do_those_of_others_by_an_administrator(
    gateway: Gateway, strict: Sandbox
) -> None:
    async with connected(strict.service_url) as service:
        ada, grace = await signed_up(gateway), await signed_up(service, role="admin")
    first, second, third = [await logged_in(gateway, ada) for _ in range(3)]
    admin = await logged_in(gateway, grace)
    session = (await verdict(gateway, second["access_token"]))["sid"]
    for which, token in (
        ({"scope": "local"}, first),
        ({"session_id": session}, second),
        ({"scope": "global", "user_id": ada["id"]}, admin),
    ):
        reply = await gateway.ask("auth.logout", which, token=token["access_token"])

        assert result(reply) == {"revoked": 1}
    own = await gateway.ask("auth.logout", {"scope": "global"}, token=admin["access_token"])
    assert refusal(own) == ("invalid", "current_password_required")
    assert await alive(gateway, [first, second, third, admin]) == [False, False, False, True]
