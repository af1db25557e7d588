"""Can a gateway tell by the time that a refused login takes who has an account? `make timing`.

Logins with a wrong password, also of users whose hash has the cost from before it was raised, or was brought
along from elsewhere and is one of argon2id; of unknown, of suspended and of deleted users.
"""

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pymongo import MongoClient
from rich.console import Console

from benchmarks.timing import are_alike, tries
from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.errors import Unauthenticated
from profile_contracts.profiles import CreateProfile, DeleteProfile, Role, SettableStatus, UpdateProfile
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from service.infrastructure.security.hash_schemes import Argon2id, Bcrypt
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import running_worker

_COHORTS: Final = ("wrong", "old", "argon2id", "unknown", "suspended", "deleted")
_HAVE_WRONG_PASSWORDS: Final = ("wrong", "old", "argon2id")
_TRIES_PER_ACCOUNT: Final = 4  # ten would lock it
_WARM_UP: Final = 4  # rounds
_WIDEST_MEDIANS: Final = 0.10
_PASSWORD: Final = SecretStr("correct horse battery staple")
_WRONG: Final = SecretStr("correct horse battery steeple")
# Those of the cost that was set before, and of users from elsewhere, by the settings that OWASP recommends.
_OTHER_HASHES: Final[dict[str, Bcrypt | Argon2id]] = {"old": Bcrypt(10), "argon2id": Argon2id(19_456, 2, 1)}
_WORKER: Final = {
    "BCRYPT_COST": "11",
    "TRUSTED_SERVICES": '{"gateway": ["profile.create"]}',  # or nobody could make the administrator
}


def address(cohort: str, number: int) -> str:
    """Return the address of an account. All are of one length."""
    return f"{cohort:x<9}.{number:04}@timing.example"


def new_user(email: str, role: Role = Role.USER) -> CreateProfile:
    """Return the request for a new user."""
    return CreateProfile(first_name="Ada", last_name="Lovelace", email=email, password=_PASSWORD, role=role)


async def make_accounts(client: ProfileClient, number: int) -> None:
    """Make *number* accounts of each cohort, except those that are not to exist."""
    boss = new_user("boss@timing.example", Role.ADMIN)
    await client.create_profile(boss)
    token = (await client.log_in(LogIn(email=boss.email, password=_PASSWORD))).access_token
    for each in range(number):
        for cohort in _HAVE_WRONG_PASSWORDS:
            await client.create_profile(new_user(address(cohort, each)))
        suspended = await client.create_profile(new_user(address("suspended", each)))
        await client.update_profile(UpdateProfile(id=suspended.id, status=SettableStatus.SUSPENDED), token)
        deleted = await client.create_profile(new_user(address("deleted", each)))
        await client.delete_profile(DeleteProfile(id=deleted.id), token)


def hash_otherwise(sandbox: Sandbox) -> None:
    """Give some users a hash of another cost or scheme."""
    password = _PASSWORD.get_secret_value().encode()
    with MongoClient[dict[str, Any]](sandbox.mongo_url) as mongo:
        profiles = mongo.get_default_database()["profiles"]
        for cohort, scheme in _OTHER_HASHES.items():
            other = {"$set": {"hashed_password": scheme.hash(password)}}
            profiles.update_many({"email_key": {"$regex": f"^{cohort}"}}, other)


async def refusal_time(client: ProfileClient, cohort: str, account: int) -> float:
    """Return how long the refusal of a login took, in milliseconds. Most send the right password."""
    password = _WRONG if cohort in _HAVE_WRONG_PASSWORDS else _PASSWORD
    login = LogIn(email=address(cohort, account), password=password)
    started = time.perf_counter()
    try:
        await client.log_in(login)
    except Unauthenticated:  # any other failure, such as a locked account, ends the measurement
        return (time.perf_counter() - started) * 1000
    message = f"A {cohort} login was not refused."
    raise RuntimeError(message)


async def measure(sandbox: Sandbox, rounds: int) -> dict[str, list[float]]:
    """Return the times of each cohort."""
    numbers = random.sample([each // _TRIES_PER_ACCOUNT for each in range(rounds)], rounds)
    accounts = -(-rounds // _TRIES_PER_ACCOUNT)
    times: dict[str, list[float]] = {cohort: [] for cohort in _COHORTS}
    async with ProfileClient(sandbox.gateway_url, name="timing", timeout=60) as client:
        await make_accounts(client, accounts + 1)  # the last one is to warm up
        await asyncio.to_thread(hash_otherwise, sandbox)
        for _ in range(_WARM_UP):
            await one_round(client, accounts)
        for account in numbers:
            for cohort, time_taken in await one_round(client, account):
                times[cohort].append(time_taken)
    return times


async def one_round(client: ProfileClient, account: int) -> list[tuple[str, float]]:
    """Return the times of one refusal of each cohort, asked for in random order."""
    order = random.sample(_COHORTS, len(_COHORTS))
    return [(cohort, await refusal_time(client, cohort, account)) for cohort in order]


def main() -> int:
    """Measure and print; return 1 if the time tells one cohort from another."""
    console = Console(highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="profile-timing-") as folder,
        running_servers(console.print) as servers,
        new_sandbox(servers, definitions(topology())) as sandbox,
        running_worker(sandbox, Path(folder), {**_WORKER, "REDIS_URL": sandbox.redis_url}),
    ):
        times = asyncio.run(measure(sandbox, tries()))
    return 0 if are_alike(console, "auth.login", times, _WIDEST_MEDIANS) else 1


if __name__ == "__main__":
    sys.exit(main())
