"""`profile_contracts.verifier`: tokens are verified in the gateway, and ended sessions refused at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from profile_contracts.auth import ChangePassword, LogOut, Scope
from profile_contracts.client import ProfileClient
from profile_contracts.errors import QueueRefused
from profile_contracts.profiles import Role
from profile_contracts.verifier import CannotVerify, TokenRefused, TokenVerifier
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, eventually
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import NEW_PASSWORD, logged_in, refresh, signed_up
from tests.integration.identity.profilectl import profilectl
from tests.integration.proxy import Proxy, behind, proxied
from tests.integration.replies import result
from tests.integration.requests import PASSWORD
from tests.integration.workers import address_of
from tools.servers.sandbox import Sandbox
from tools.worker import Worker


class CountingClient(ProfileClient):
    """Counts what it asks."""

    asked_keys = 0
    asked_tokens = 0

    async def keys(self, **options: Any) -> Any:
        self.asked_keys += 1
        return await super().keys(**options)

    async def verify_token(self, *request: Any, **options: Any) -> Any:
        self.asked_tokens += 1
        return await super().verify_token(*request, **options)


@pytest_asyncio.fixture
async def client(sandbox: Sandbox, worker: Worker) -> AsyncIterator[CountingClient]:
    assert worker.process.poll() is None
    async with CountingClient(sandbox.gateway_url, timeout=10) as connected:
        yield connected


@pytest_asyncio.fixture
async def verifier(client: CountingClient) -> AsyncIterator[TokenVerifier]:
    async with TokenVerifier(client) as listening:
        assert listening.feed_is_up
        yield listening


async def reason_of(verifier: TokenVerifier, token: str) -> str:
    """Return why *token* is refused; nothing if it isn't."""
    try:
        await verifier.verify(token)
    except TokenRefused as refused:
        return refused.reason
    return ""


async def refused_in_a_second(verifier: TokenVerifier, token: str) -> None:
    async def is_refused() -> str:
        return await reason_of(verifier, token)

    began = time.monotonic()
    assert await eventually(is_refused) == "session_ended"
    assert time.monotonic() - began < 1


async def test_a_good_token_says_who_asks_and_its_session_is_asked_for_once(
    verifier: TokenVerifier, client: CountingClient, ada: Person, admin: Person
) -> None:
    for person, role in ((ada, Role.USER), (admin, Role.ADMIN)):
        found = [await verifier.verify(person["token"]) for _ in range(20)]
        claims = jwt.decode(person["token"], options={"verify_signature": False})

        assert {(str(each.sub), str(each.sid), each.role) for each in found} == {
            (person["id"], claims["sid"], role)
        }
        assert {(each.iat, each.exp, each.jti) for each in found} == {
            (claims["iat"], claims["exp"], claims["jti"])
        }
    assert (client.asked_keys, client.asked_tokens) == (1, 2)


def forged(token: str, **changes: Any) -> list[str]:
    """Return tokens that say what *token* says, and are not genuine."""
    header = {"typ": "at+jwt", "kid": jwt.get_unverified_header(token)["kid"]}
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    key = Ed25519PrivateKey.generate()
    rest, _, signature = token.rpartition(".")
    return [
        "",
        "a.b.c",
        "\ud800",
        "x" * 5000,
        f"{rest}.{signature[:-8]}AAAAAAAA",
        jwt.encode(claims, key, "EdDSA", headers=header),
        jwt.encode(claims, key, "EdDSA", headers={**header, "typ": "JWT"}),
        jwt.encode(claims, key, "EdDSA", headers={"typ": "at+jwt"}),
        jwt.encode(claims, "", "none", headers=header),
        jwt.encode(claims, "a secret of our own, as long as it gets", "HS256", headers=header),
    ]


async def test_what_is_not_genuine_is_refused_and_nobody_is_asked_about_it(
    verifier: TokenVerifier, client: CountingClient, ada: Person
) -> None:
    reasons = [await reason_of(verifier, each) for each in forged(ada["token"])]

    assert {*reasons} == {"token_invalid"}
    assert client.asked_tokens == 0


async def test_another_issuer_or_audience_is_refused(client: CountingClient, ada: Person) -> None:
    async with TokenVerifier(client, issuer="another") as one, TokenVerifier(client, audience="x") as other:
        assert await reason_of(one, ada["token"]) == "token_invalid"
        assert await reason_of(other, ada["token"]) == "token_invalid"


async def test_names_of_keys_that_are_made_up_make_nobody_ask_more_often(
    verifier: TokenVerifier, client: CountingClient, ada: Person
) -> None:
    await verifier.verify(ada["token"])
    began, asked = time.monotonic(), client.asked_keys
    key, claims = Ed25519PrivateKey.generate(), {"sub": ada["id"]}
    for _ in range(200):
        headers = {"typ": "at+jwt", "kid": uuid4().hex}
        assert await reason_of(verifier, jwt.encode(claims, key, "EdDSA", headers=headers)) == "token_invalid"

    assert client.asked_keys - asked <= 1 + (time.monotonic() - began)


@pytest.mark.parametrize(
    ("queue", "body", "by_admin"),
    [
        ("auth.logout", {"scope": "global"}, False),
        ("profile.update", {"status": "suspended"}, True),
        ("profile.update", {"role": "admin"}, True),
        ("profile.delete", {}, False),
    ],
    ids=["logout", "suspended", "promoted", "deleted"],
)
async def test_an_ended_session_is_refused_in_a_second_and_the_service_is_not_asked(
    verifier: TokenVerifier,
    gateway: Gateway,
    ada: Person,
    admin: Person,
    request: pytest.FixtureRequest,
    *,
    queue: str,
    body: dict[str, str],
    by_admin: bool,
) -> None:
    client: CountingClient = request.getfixturevalue("client")
    other = await logged_in(gateway, ada)
    for each in (ada["token"], other["access_token"]):
        await verifier.verify(each)
    asked = client.asked_tokens
    about = {} if queue == "auth.logout" else {"id": ada["id"]}
    result(await gateway.ask(queue, {**about, **body}, token=(admin if by_admin else ada)["token"]))

    await refused_in_a_second(verifier, ada["token"])
    await refused_in_a_second(verifier, other["access_token"])
    assert client.asked_tokens == asked


async def test_a_session_that_goes_on_and_those_that_are_opened_next_are_good(
    verifier: TokenVerifier, client: CountingClient, gateway: Gateway, ada: Person
) -> None:
    await verifier.verify(ada["token"])
    change = ChangePassword(current_password=SecretStr(ada["password"]), new_password=SecretStr(NEW_PASSWORD))
    kept = await client.change_password(change, ada["token"])
    fresh = [await logged_in(gateway, ada, NEW_PASSWORD) for _ in range(8)]
    await refused_in_a_second(verifier, ada["token"])

    for each in (kept.access_token, *(each["access_token"] for each in fresh)):
        await verifier.verify(each)


@asynccontextmanager
async def behind_a_proxy(sandbox: Sandbox) -> AsyncIterator[tuple[Proxy, CountingClient]]:
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        CountingClient(behind(proxy, sandbox.gateway_url), timeout=10) as client,
    ):
        yield proxy, client


async def feed_is(verifier: TokenVerifier, *, up: bool) -> None:
    async def look() -> bool:
        return verifier.feed_is_up is up

    await eventually(look, within=15)


async def test_without_feed_tokens_are_refused_or_accepted_as_was_set(
    sandbox: Sandbox, worker: Worker, ada: Person
) -> None:
    assert worker.process.poll() is None
    async with (
        behind_a_proxy(sandbox) as (proxy, client),
        TokenVerifier(client, ask_timeout=0.3) as refusing,
        TokenVerifier(client, without_feed="accept") as accepting,
    ):
        for each in (refusing, accepting):
            await each.verify(ada["token"])
        proxy.cut()
        for each in (refusing, accepting):
            await feed_is(each, up=False)
        asked = client.asked_tokens
        await accepting.verify(ada["token"])
        assert client.asked_tokens == asked
        assert await reason_of(accepting, forged(ada["token"])[4]) == "token_invalid"
        with pytest.raises(CannotVerify):
            await refusing.verify(ada["token"])
        proxy.mend()
        for each in (refusing, accepting):
            await feed_is(each, up=True)
            await each.verify(ada["token"])


@pytest.mark.parametrize("setting", ["refuse", "accept"])
async def test_a_session_that_ended_while_the_feed_was_down_is_refused_when_it_is_back(
    sandbox: Sandbox, client: ProfileClient, ada: Person, setting: Literal["refuse", "accept"]
) -> None:
    async with (
        behind_a_proxy(sandbox) as (proxy, behind_it),
        TokenVerifier(behind_it, without_feed=setting) as verifier,
    ):
        await verifier.verify(ada["token"])
        proxy.cut()
        await feed_is(verifier, up=False)
        await client.log_out(LogOut(scope=Scope.GLOBAL), ada["token"])
        proxy.mend()
        await feed_is(verifier, up=True)

        assert await reason_of(verifier, ada["token"]) == "session_ended"


async def test_a_session_that_had_ended_before_the_verifier_started_is_refused(
    client: CountingClient, ada: Person
) -> None:
    await client.log_out(LogOut(scope=Scope.GLOBAL), ada["token"])
    async with TokenVerifier(client) as verifier:
        assert await reason_of(verifier, ada["token"]) == "session_ended"


async def test_while_only_the_feed_is_down_the_service_is_asked(client: CountingClient, ada: Person) -> None:
    verifier = TokenVerifier(client)  # which has not begun to listen

    await verifier.verify(ada["token"])
    await client.log_out(LogOut(scope=Scope.GLOBAL), ada["token"])
    assert await reason_of(verifier, ada["token"]) == "session_ended"
    assert client.asked_tokens == 2


async def test_a_broker_that_is_away_at_the_start_is_waited_for_and_then_found(
    sandbox: Sandbox, worker: Worker, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker.process.poll() is None
    monkeypatch.setattr("profile_contracts.verifier.verifier._START_SECONDS", 0.2)
    async with proxied(*address_of(sandbox.gateway_url)) as proxy:
        proxy.cut()
        client = ProfileClient(behind(proxy, sandbox.gateway_url))
        async with TokenVerifier(client, ask_timeout=0.2, without_feed="accept") as verifier:
            with pytest.raises(CannotVerify):  # there are no keys
                await verifier.verify(ada["token"])
            proxy.mend()
            await feed_is(verifier, up=True)

            async def is_good() -> bool:
                try:
                    return (await verifier.verify(ada["token"])).role is Role.USER
                except CannotVerify:
                    return False

            assert await eventually(is_good)
        await client.__aexit__(None, None, None)


async def test_a_user_who_may_have_no_queue_learns_it_at_the_start(sandbox: Sandbox, worker: Worker) -> None:
    """The service itself may not have one by such a name."""
    assert worker.process.poll() is None
    async with ProfileClient(sandbox.service_url) as client:
        with pytest.raises(QueueRefused):
            await TokenVerifier(client).__aenter__()


async def test_keys_that_come_and_go_are_followed(empty: IsolatedEnv) -> None:
    person = await signed_up(empty.service, password=PASSWORD)
    async with (
        CountingClient(empty.sandbox.gateway_url, timeout=10) as client,
        TokenVerifier(client) as verifier,
    ):
        before = await logged_in(empty.gateway, person)
        await verifier.verify(before["access_token"])
        old = str(jwt.get_unverified_header(before["access_token"])["kid"])
        new = Path(await profilectl(empty, "keys", "new")).stem.partition("-")[2]

        async def listed(*kids: str) -> None:
            async def look() -> bool:
                keys = result(await empty.gateway.ask("auth.keys", {}))["keys"]
                return [each["kid"] for each in keys] == [*kids]

            await eventually(look, within=20)

        await listed(old, new)
        await verifier.verify(before["access_token"])
        await profilectl(empty, "keys", "retire", old)
        await listed(new)

        async def is_refused() -> bool:
            return await reason_of(verifier, before["access_token"]) == "token_invalid"

        began = time.monotonic()
        assert await eventually(is_refused)
        assert time.monotonic() - began < 2
        after = await refresh(empty.gateway, before)
        await verifier.verify(after["access_token"])
        assert str(jwt.get_unverified_header(after["access_token"])["kid"]) == new


async def test_many_verify_at_once(verifier: TokenVerifier, ada: Person, bob: Person) -> None:
    tokens = [ada["token"], bob["token"]] * 25
    found = await asyncio.gather(*(verifier.verify(each) for each in tokens))

    assert [str(each.sub) for each in found] == [ada["id"], bob["id"]] * 25
