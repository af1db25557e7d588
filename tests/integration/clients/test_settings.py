"""Whoever speaks for the service heeds settings, and the age of sessions, by the same rules."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from profile_contracts.auth import (
    ChangePassword,
    ConfirmTotp,
    EnrollTotp,
    ListSessions,
    LogIn,
    LogOut,
    Refresh,
    Scope,
    StartVerification,
    Tokens,
    VerifyEmail,
    VerifyToken,
)
from profile_contracts.client import ProfileClient
from profile_contracts.errors import Invalid, Unauthenticated
from profile_contracts.operations import AUTH_START_VERIFICATION
from profile_contracts.profile_api import ProfileApi
from profile_contracts.profiles import UpdateProfile
from profile_contracts.testing import FakeProfileClient
from service.domain.totp import code_at, step_at
from tests.builders import an_address
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.node_client import node_client
from tests.integration.clients.subjects import PASSWORD, Person, a_sign_up
from tests.integration.workers import isolated_sandbox, running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

MAX_SESSIONS = 3
VERIFICATION = AUTH_START_VERIFICATION.queue


@dataclass(frozen=True, slots=True)
class Strict:
    """A client of a service that is set up otherwise, or what stands for both.

    Attributes:
        api: That.
        trusted: The same for a gateway that may ask for `auth.start_verification` on its own account.
        age: Lets the sessions of a user be so much older.

    """

    api: ProfileApi
    trusted: ProfileApi
    age: Callable[[UUID, timedelta], Awaitable[None]]

    async def person(self, password: SecretStr = PASSWORD) -> Person:
        """Return a new user, with a verified address, who has logged in."""
        created = await self.api.create_profile(a_sign_up(password=password))
        return Person(
            await self.verify(created.id),
            await self.api.log_in(LogIn(email=created.email, password=password)),
        )

    async def verify(self, profile_id: UUID) -> Any:
        """Return a profile after its address was verified."""
        started = await self.trusted.start_verification(StartVerification(id=profile_id))
        return await self.api.verify_email(VerifyEmail(token=SecretStr(started.token)))

    async def another(self, person: Person, password: SecretStr = PASSWORD) -> Tokens:
        """Return the tokens of one more login."""
        return await self.api.log_in(LogIn(email=person.email, password=password))

    async def refreshed(self, tokens: Tokens) -> Tokens:
        """Return the tokens that follow."""
        return await self.api.refresh(Refresh(refresh_token=SecretStr(tokens.refresh_token)))

    async def is_active(self, tokens: Tokens) -> bool:
        """Return whether the access token is good."""
        return (await self.api.verify_token(VerifyToken(token=SecretStr(tokens.access_token)))).active


@pytest.fixture(scope="module")
def strict_sandbox(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with a worker that is set up otherwise."""
    with isolated_sandbox(servers) as sandbox:
        settings = {
            "MAX_SESSIONS": str(MAX_SESSIONS),
            "LOGIN_NEEDS_VERIFIED_EMAIL": "true",
            "LOGOUT_NEEDS_PASSWORD": "true",
            "PASSWORD_SCHEME": "argon2id",
            "ARGON2_MEMORY_KIB": "7168",
            "ARGON2_ITERATIONS": "1",
            "TRUSTED_SERVICES": json.dumps({urlsplit(sandbox.service_url).username: [VERIFICATION]}),
        }
        with running_worker(sandbox, tmp_path_factory.mktemp("strict"), settings):
            yield sandbox


async def _age_in(sandbox: Sandbox, user_id: UUID, by: timedelta) -> None:
    """Let the sessions of a user be so much older: the clock of a worker cannot be turned."""
    times = ("moved_at", "created_at", "expires_at")
    milliseconds = by // timedelta(milliseconds=1)
    older = {each: {"$subtract": [f"${each}", milliseconds]} for each in times}
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        sandbox.mongo_url, uuidRepresentation="standard"
    )
    async with client:
        sessions = client.get_default_database()["sessions"]
        assert (await sessions.update_many({"user_id": user_id}, [{"$set": older}])).modified_count


@pytest_asyncio.fixture(scope="module")
async def strict_python(strict_sandbox: Sandbox) -> AsyncIterator[Strict]:
    """The client in Python, on that worker."""
    async with (
        ProfileClient(strict_sandbox.gateway_url, timeout=30) as client,
        ProfileClient(strict_sandbox.service_url, timeout=30) as trusted,
    ):
        yield Strict(client, trusted, lambda who, by: _age_in(strict_sandbox, who, by))


@pytest_asyncio.fixture(scope="module")
async def strict_typescript(strict_sandbox: Sandbox) -> AsyncIterator[Strict]:
    """The client in TypeScript, on that worker."""
    async with (
        node_client(strict_sandbox.gateway_url) as client,
        node_client(strict_sandbox.service_url) as trusted,
    ):
        yield Strict(client, trusted, lambda who, by: _age_in(strict_sandbox, who, by))


@pytest_asyncio.fixture(scope="module")
async def strict_fake() -> AsyncIterator[Strict]:
    """The fake, set up like it."""
    passed = timedelta()

    async def age(_: UUID, by: timedelta) -> None:
        nonlocal passed
        passed += by

    async with FakeProfileClient(
        now=lambda: datetime.now(UTC) + passed,
        trusted_for=[VERIFICATION],
        max_sessions=MAX_SESSIONS,
        login_needs_verified_email=True,
        logout_needs_password=True,
        password_scheme="argon2id",
    ) as fake:
        yield Strict(fake, fake, age)


@pytest.fixture(params=["strict_python", "strict_fake", "strict_typescript"])
def strict(request: pytest.FixtureRequest) -> Strict:
    """Each of them in turn."""
    chosen = request.getfixturevalue(request.param)
    assert isinstance(chosen, Strict)
    return chosen


async def test_a_session_that_is_not_refreshed_ends_after_30_days(strict: Strict) -> None:
    person = await strict.person()
    used, unused = person.tokens, await strict.another(person)
    await strict.age(person.id, timedelta(days=29))
    used = await strict.refreshed(used)
    await strict.age(person.id, timedelta(days=1))

    async with refusing(Unauthenticated, "refresh_token_invalid"):
        await strict.refreshed(unused)
    used = await strict.refreshed(used)
    listed = await strict.api.list_sessions(ListSessions(), used.access_token)
    assert [each.current for each in listed.items] == [True]


async def test_no_session_lives_longer_than_90_days(strict: Strict) -> None:
    person = await strict.person()
    tokens = person.tokens
    for _ in range(3):
        await strict.age(person.id, timedelta(days=29))
        tokens = await strict.refreshed(tokens)
    await strict.age(person.id, timedelta(days=3))

    async with refusing(Unauthenticated, "refresh_token_invalid"):
        await strict.refreshed(tokens)


async def test_one_session_more_than_a_user_may_have_ends_the_oldest(strict: Strict) -> None:
    person = await strict.person()
    oldest = await strict.refreshed(person.tokens)  # by when it was opened, and not by when it was used
    others = [await strict.another(person) for _ in range(MAX_SESSIONS - 1)]
    assert await strict.is_active(oldest)
    newest = await strict.another(person)

    assert [await strict.is_active(each) for each in (oldest, *others, newest)] == [False, True, True, True]
    async with refusing(Unauthenticated, "refresh_token_invalid"):
        await strict.refreshed(oldest)
    listed = await strict.api.list_sessions(ListSessions(), newest.access_token)
    assert len(listed.items) == MAX_SESSIONS


async def test_nobody_is_logged_in_whose_address_is_not_verified(strict: Strict) -> None:
    created = await strict.api.create_profile(a_sign_up())
    login = LogIn(email=created.email, password=PASSWORD)
    async with refusing(Unauthenticated, "email_not_verified"):
        await strict.api.log_in(login)
    wrong = login.model_copy(update={"password": SecretStr("not that one")})
    assert await reason_of(strict.api.log_in(wrong)) == "invalid_credentials"
    await strict.verify(created.id)
    token = (await strict.api.log_in(login)).access_token
    change = UpdateProfile(id=created.id, email=an_address(), current_password=PASSWORD)
    changed = await strict.api.update_profile(change, token)

    login = login.model_copy(update={"email": changed.email})
    assert await reason_of(strict.api.log_in(login)) == "email_not_verified"
    await strict.verify(created.id)
    assert (await strict.api.log_in(login)).profile_id == created.id


async def test_whose_address_is_not_verified_is_asked_for_no_code_and_loses_none(strict: Strict) -> None:
    person = await strict.person()
    enrolment = await strict.api.enroll_totp(EnrollTotp(current_password=PASSWORD), person.token)
    change = UpdateProfile(id=person.id, email=an_address(), current_password=PASSWORD)
    changed = await strict.api.update_profile(change, person.token)
    code = code_at(base64.b32decode(enrolment.secret), step_at(changed.updated_at))
    confirmation = ConfirmTotp(enrolment=SecretStr(enrolment.enrolment), otp=SecretStr(code))
    codes = (await strict.api.confirm_totp(confirmation, person.token)).recovery_codes
    login = LogIn(email=changed.email, password=PASSWORD)
    recovering = login.model_copy(update={"otp": SecretStr(codes[0])})
    for each in (login, recovering):
        assert await reason_of(strict.api.log_in(each)) == "email_not_verified"
    await strict.verify(person.id)

    assert await reason_of(strict.api.log_in(login)) == "otp_required"
    assert (await strict.api.log_in(recovering)).profile_id == person.id


async def test_users_need_their_password_to_end_other_sessions_than_this_one(strict: Strict) -> None:
    person = await strict.person()
    other = await strict.another(person)
    (named,) = [
        each.id
        for each in (await strict.api.list_sessions(ListSessions(), person.token)).items
        if not each.current
    ]
    ways = (LogOut(scope=Scope.OTHERS), LogOut(scope=Scope.GLOBAL), LogOut(session_id=named))
    for each in ways:
        async with refusing(Invalid, "current_password_required", "current_password"):
            await strict.api.log_out(each, person.token)
        wrong = each.model_copy(update={"current_password": SecretStr("not that one")})
        async with refusing(Unauthenticated, "invalid_credentials"):
            await strict.api.log_out(wrong, person.token)
    assert await strict.is_active(other)
    right = LogOut(scope=Scope.OTHERS, current_password=PASSWORD)
    assert (await strict.api.log_out(right, person.token)).revoked == 1
    assert (await strict.api.log_out(LogOut(scope=Scope.LOCAL), person.token)).revoked == 1

    assert [await strict.is_active(each) for each in (person.tokens, other)] == [False, False]


async def test_argon2id_takes_passwords_of_1024_bytes_and_reads_all_of_them(strict: Strict) -> None:
    long, longer = SecretStr("x" * 1023 + "y"), SecretStr("é" * 512 + "x")
    person = await strict.person(SecretStr("é" * 37))  # 74 bytes
    async with refusing(Invalid, "password_too_long", "password"):
        await strict.api.create_profile(a_sign_up(password=longer))
    change = ChangePassword(current_password=SecretStr("é" * 37), new_password=longer)
    async with refusing(Invalid, "password_too_long", "new_password"):
        await strict.api.change_password(change, person.token)
    change = change.model_copy(update={"new_password": long})
    await strict.api.change_password(change, person.token)

    assert await reason_of(strict.another(person, SecretStr("x" * 1024))) == "invalid_credentials"
    assert (await strict.another(person, long)).profile_id == person.id
