"""Can anybody tell by the time that one-time tokens are refused in who has an account? `make timing`.

Asking for a token, as nobody and as a user, about users of all kinds; and using tokens that were good until
the address of their user, who is active, was spelt otherwise, or the user was suspended, deleted or erased.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from pydantic import SecretStr
from rich.console import Console

from benchmarks.timing import are_alike, tries
from profile_contracts.auth import (
    LogIn,
    ResetPassword,
    StartReset,
    StartVerification,
    VerifyEmail,
)
from profile_contracts.client import ProfileClient
from profile_contracts.errors import Forbidden, Unauthenticated
from profile_contracts.operations import AUTH_START_RESET
from profile_contracts.profiles import (
    CreateProfile,
    DeleteProfile,
    EraseProfile,
    Profile,
    Role,
    SettableStatus,
    UpdateProfile,
)
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import running_worker

_USERS: Final = 20  # of each cohort
_WARM_UP: Final = 5  # rounds
_PASSWORD: Final = SecretStr("correct horse battery staple")
_TRUSTED: Final = ("profile.create", "auth.start_reset", "auth.start_verification")

# Asks one question about the user of that number in one cohort, and is refused.
Question = Callable[[int], Awaitable[object]]
# What a user is known by: an address, and an id.
Known = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Gateways:
    """Who asks.

    Attributes:
        client: A gateway that nobody trusts.
        trusted: One that gets tokens.
        admin: The access token of an administrator.

    """

    client: ProfileClient
    trusted: ProfileClient
    admin: str

    async def users(self, cohort: str) -> Sequence[Profile]:
        """Return new users."""
        return [await self.client.create_profile(new_user(f"{cohort}{each:02}")) for each in range(_USERS)]

    async def end(self, cohort: str, user: Profile) -> None:
        """Do to *user* what ends all tokens."""
        if cohort == "active":
            respelt = UpdateProfile(id=user.id, email=user.email.upper())
            await self.client.update_profile(respelt, self.admin)
        elif cohort == "suspended":
            suspend = UpdateProfile(id=user.id, status=SettableStatus.SUSPENDED)
            await self.client.update_profile(suspend, self.admin)
        elif cohort == "deleted":
            await self.client.delete_profile(DeleteProfile(id=user.id), self.admin)
        else:
            await self.client.erase_profile(EraseProfile(id=user.id), self.admin)

    def start_reset(self, known: Sequence[Known], token: str | None) -> Question:
        """Ask for a token that resets a password, as a user or as nobody."""
        return lambda at: self.client.call(AUTH_START_RESET, StartReset(email=known[at][0]), token)

    def start_verification(self, known: Sequence[Known], token: str | None) -> Question:
        """Ask for a token that verifies the address of another user."""
        return lambda at: self.client.start_verification(StartVerification(id=known[at][1]), token)

    def reset_password(self, tokens: Sequence[str]) -> Question:
        """Use a token."""
        return lambda at: self.client.reset_password(
            ResetPassword(token=SecretStr(tokens[at]), new_password=_PASSWORD)
        )

    def verify_email(self, tokens: Sequence[str]) -> Question:
        """Use a token."""
        return lambda at: self.client.verify_email(VerifyEmail(token=SecretStr(tokens[at])))


def new_user(name: str, role: Role = Role.USER) -> CreateProfile:
    """Return the request for a new user. Addresses are of one length."""
    email = f"{name:x<11}@timing.example"
    return CreateProfile(first_name="Ada", last_name="Lovelace", email=email, password=_PASSWORD, role=role)


async def questions(gateways: Gateways) -> Mapping[str, Mapping[str, Question]]:
    """Return what is asked of each operation, by cohort."""
    known: dict[str, Sequence[Known]] = {}
    resets: dict[str, Question] = {}
    verifications: dict[str, Question] = {}
    for cohort in ("active", "suspended", "deleted", "erased"):
        users = await gateways.users(cohort)
        known[cohort] = [(each.email, each.id) for each in users]
        started = [await gateways.trusted.start_reset(StartReset(email=each.email)) for each in users]
        resets[cohort] = gateways.reset_password([each.token for each in started])
        asked = [await gateways.trusted.start_verification(StartVerification(id=each.id)) for each in users]
        verifications[cohort] = gateways.verify_email([each.token for each in asked])
        for each in users:
            await gateways.end(cohort, each)
    known["unknown"] = [(new_user(f"unknown{each:02}").email, uuid4()) for each in range(_USERS)]
    somebody = (await gateways.users("somebody"))[0]
    token = (await gateways.client.log_in(LogIn(email=somebody.email, password=_PASSWORD))).access_token
    asking: dict[str, Mapping[str, Question]] = {}
    for who, actor in (("nobody", None), ("a user", token)):
        asking[f"auth.start_reset, as {who}"] = {
            cohort: gateways.start_reset(each, actor) for cohort, each in known.items()
        }
        asking[f"auth.start_verification, as {who}"] = {
            cohort: gateways.start_verification(each, actor) for cohort, each in known.items()
        }
    return {
        **asking,
        "auth.reset_password, by an ended token": resets,
        "auth.verify_email, by an ended token": verifications,
    }


async def refusal_time(question: Question, at: int) -> float:
    """Return how long a refusal took, in milliseconds."""
    started = time.perf_counter()
    try:
        await question(at)
    except (Forbidden, Unauthenticated):  # any other failure ends the measurement
        return (time.perf_counter() - started) * 1000
    message = "A question was answered."
    raise RuntimeError(message)


async def one_round(asked: Mapping[str, Question], number: int) -> Mapping[str, float]:
    """Return the times of one refusal of each cohort, asked for in random order."""
    order = random.sample(sorted(asked), len(asked))
    return {cohort: await refusal_time(asked[cohort], number % _USERS) for cohort in order}


async def measure(sandbox: Sandbox, rounds: int) -> Mapping[str, Mapping[str, Sequence[float]]]:
    """Return the times of each operation, by cohort."""
    async with (
        ProfileClient(sandbox.gateway_url, name="timing", timeout=60) as client,
        ProfileClient(sandbox.service_url, name="timing-trusted", timeout=60) as trusted,
    ):
        boss = new_user("boss", Role.ADMIN)
        await trusted.create_profile(boss)
        admin = (await client.log_in(LogIn(email=boss.email, password=_PASSWORD))).access_token
        asked = await questions(Gateways(client, trusted, admin))
        for each in range(_WARM_UP):
            for of_operation in asked.values():
                await one_round(of_operation, each)
        times = {
            operation: [await one_round(of_operation, each) for each in range(rounds)]
            for operation, of_operation in asked.items()
        }
    return {
        operation: {cohort: [each[cohort] for each in those] for cohort in asked[operation]}
        for operation, those in times.items()
    }


def main() -> int:
    """Measure and print; return 1 if the time tells one cohort from another."""
    console, rounds = Console(highlight=False), tries()
    with (
        tempfile.TemporaryDirectory(prefix="profile-timing-") as folder,
        running_servers(console.print) as servers,
        new_sandbox(servers, definitions(topology())) as sandbox,
    ):
        services = {str(urlsplit(sandbox.service_url).username): _TRUSTED}
        settings = {"BCRYPT_COST": "10", "TRUSTED_SERVICES": json.dumps(services)}
        with running_worker(sandbox, Path(folder), settings):
            times = asyncio.run(measure(sandbox, rounds))
    alike = [are_alike(console, operation, each) for operation, each in times.items()]
    return 0 if all(alike) else 1


if __name__ == "__main__":
    sys.exit(main())
