"""Whoever speaks for the service lets those who need a second factor do nothing before, by the same rules."""

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from pydantic import SecretStr

from profile_contracts.auth import (
    ChangePassword,
    ConfirmTotp,
    EnrollTotp,
    ListSessions,
    LogIn,
    LogOut,
    Refresh,
    Scope,
    Tokens,
)
from profile_contracts.client import ProfileClient
from profile_contracts.errors import Forbidden
from profile_contracts.posts import CreatePost
from profile_contracts.profile_api import ProfileApi
from profile_contracts.profiles import GetProfile
from profile_contracts.testing import FakeProfileClient
from profile_contracts.verifier import TokenVerifier
from service.domain.totp import code_at
from tests.integration.clients.failing import refusing
from tests.integration.clients.node_client import NodeVerifier, node_client
from tests.integration.clients.subjects import PASSWORD, Person, Verifier, a_sign_up
from tests.integration.workers import isolated_sandbox, running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

NEW = SecretStr("a better horse than that")


@dataclass(frozen=True, slots=True)
class Demanding:
    """A client of a service that asks everybody for a second factor, or what stands for both.

    Attributes:
        api: That.
        verifier: Makes what verifies access tokens beside it.

    """

    api: ProfileApi
    verifier: Callable[[], Verifier]

    async def person(self) -> Person:
        """Return a new user, who has logged in."""
        created = await self.api.create_profile(a_sign_up())
        return Person(created, await self.api.log_in(LogIn(email=created.email, password=PASSWORD)))

    async def amr(self, tokens: Tokens) -> tuple[str, ...]:
        """Return what the access token says of how its user has logged in."""
        async with self.verifier() as verifier:
            return (await verifier.verify(tokens.access_token)).amr


@pytest.fixture(scope="module")
def demanding_sandbox(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with a worker that is set up so."""
    with isolated_sandbox(servers) as sandbox:
        settings = {"SECOND_FACTOR": "everybody", "BCRYPT_COST": "10"}
        with running_worker(sandbox, tmp_path_factory.mktemp("demanding"), settings):
            yield sandbox


@pytest_asyncio.fixture(scope="module")
async def demanding_python(demanding_sandbox: Sandbox) -> AsyncIterator[Demanding]:
    """The client in Python, on that worker."""
    async with ProfileClient(demanding_sandbox.gateway_url, timeout=30) as client:
        yield Demanding(client, lambda: TokenVerifier(client))


@pytest_asyncio.fixture(scope="module")
async def demanding_typescript(demanding_sandbox: Sandbox) -> AsyncIterator[Demanding]:
    """The client in TypeScript, on that worker."""
    async with node_client(demanding_sandbox.gateway_url) as client:
        yield Demanding(client, lambda: NodeVerifier(client.driver))


@pytest_asyncio.fixture(scope="module")
async def demanding_fake() -> AsyncIterator[Demanding]:
    """The fake, set up like it."""
    async with FakeProfileClient(second_factor="everybody") as fake:
        yield Demanding(fake, lambda: TokenVerifier(fake))


@pytest.fixture(params=["demanding_python", "demanding_fake", "demanding_typescript"])
def demanding(request: pytest.FixtureRequest) -> Demanding:
    """Each of them in turn."""
    chosen = request.getfixturevalue(request.param)
    assert isinstance(chosen, Demanding)
    return chosen


async def test_who_needs_a_second_factor_does_nothing_before_one_is_confirmed(demanding: Demanding) -> None:
    api, person = demanding.api, await demanding.person()
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: api.get_profile(GetProfile(id=person.id), person.token),
        lambda: api.create_post(CreatePost(title="Note G", body="It weaves."), person.token),
        lambda: api.change_password(
            ChangePassword(current_password=PASSWORD, new_password=NEW), person.token
        ),
    ]
    for attempt in attempts:
        async with refusing(Forbidden, "second_factor_needed"):
            await attempt()
    assert await demanding.amr(person.tokens) == ("pwd",)
    enrolment = await api.enroll_totp(EnrollTotp(current_password=PASSWORD), person.token)
    code = SecretStr(code_at(base64.b32decode(enrolment.secret), int(time.time()) // 30))
    await api.confirm_totp(ConfirmTotp(enrolment=SecretStr(enrolment.enrolment), otp=code), person.token)

    for attempt in attempts:
        await attempt()


async def test_the_code_of_a_session_is_told_by_its_next_tokens(demanding: Demanding) -> None:
    api, person = demanding.api, await demanding.person()
    enrolment = await api.enroll_totp(EnrollTotp(current_password=PASSWORD), person.token)
    code = SecretStr(code_at(base64.b32decode(enrolment.secret), int(time.time()) // 30))
    confirmation = ConfirmTotp(enrolment=SecretStr(enrolment.enrolment), otp=code)
    recovery = SecretStr((await api.confirm_totp(confirmation, person.token)).recovery_codes[0])
    refreshed = await api.refresh(Refresh(refresh_token=SecretStr(person.tokens.refresh_token)))
    opened = await api.log_in(LogIn(email=person.email, password=PASSWORD, otp=recovery))
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    amrs = [await demanding.amr(each) for each in (refreshed, opened)]
    changed = await api.change_password(change, person.token)  # whose token is from before

    assert [*amrs, await demanding.amr(changed)] == [("pwd", "otp")] * 3


async def test_own_sessions_are_seen_and_ended_before_and_those_of_others_are_not(
    demanding: Demanding,
) -> None:
    api, person, other = demanding.api, await demanding.person(), await demanding.person()
    await api.log_in(LogIn(email=person.email, password=PASSWORD))
    listed = await api.list_sessions(ListSessions(), person.token)
    ended = await api.log_out(LogOut(scope=Scope.OTHERS), person.token)

    assert (len(listed.items), ended.revoked) == (2, 1)
    async with refusing(Forbidden, "second_factor_needed"):
        await api.list_sessions(ListSessions(user_id=other.id), person.token)
    async with refusing(Forbidden, "second_factor_needed"):
        await api.log_out(LogOut(user_id=other.id, scope=Scope.GLOBAL), person.token)
