"""What all systems are asked for: profiles, users with tokens, and posts."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bson import ObjectId
from pydantic import SecretStr
from pymongo import MongoClient

from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.posts import CreatePost
from profile_contracts.profiles import CreateProfile
from service.app.ids import new_id
from service.domain.email import Email
from service.domain.profile import Profile
from service.infrastructure.mongo.indexes import PROFILES
from service.infrastructure.mongo.profile_documents import to_document
from tools.servers.sandbox import Sandbox

# For each who changes some, and those that are read: about a thousand together, to begin with.
_PROFILES: Final = 200
_USERS: Final = 20
_LOGINS: Final = 10
_BATCH: Final = 10_000
_SAMPLE: Final = 2000
_POSTS: Final = 200
_PASSWORD: Final = SecretStr("correct horse battery staple")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is logged in."""

    id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody logs in with."""

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Data:
    """What is there to be asked for.

    Attributes:
        profiles: The ids of those that are only read, by everybody.
        updates: By system, the ids of those that it alone changes, so that nobody meets what others left.

    """

    profiles: Sequence[str]
    updates: Mapping[str, Sequence[str]]
    users: Sequence[User]
    logins: Sequence[Login]
    posts: Sequence[str]

    def updated_by(self, system: str) -> Sequence[str]:
        """Return the profiles that *system* may change."""
        return self.updates[system]


async def store(sandbox: Sandbox, updaters: Sequence[str]) -> Data:
    """Store it all. A worker is at work already, so the indexes are there."""
    async with ProfileClient(sandbox.gateway_url, name="bench-data", timeout=120) as client:
        users = await asyncio.gather(*(_user(client, number) for number in range(_USERS)))
        logins = await asyncio.gather(*(_signed_up(client, f"login-{each}") for each in range(_LOGINS)))
        post = CreatePost(title="Note G", body="It weaves algebraic patterns.")
        posts = [str((await client.create_post(post, users[0].token)).id) for _ in range(_POSTS)]
    with MongoClient[dict[str, Any]](sandbox.mongo_url, uuidRepresentation="standard") as mongo:
        profiles = mongo.get_default_database()[PROFILES]

        def stored(name: str) -> list[str]:
            documents = [_document(f"{name}-{number}@bench.example") for number in range(_PROFILES)]
            profiles.insert_many(documents)
            return [str(each["id"]) for each in documents]

        updates = {system: stored(f"update-{number}") for number, system in enumerate(updaters)}
        return Data(stored("read"), updates, users, logins, posts)


def grow(mongo_url: str, number: int) -> tuple[int, list[str]]:
    """Store profiles until there are *number*; return how many there are, and the ids of some of all."""
    with MongoClient[dict[str, Any]](mongo_url, uuidRepresentation="standard") as mongo:
        profiles = mongo.get_default_database()[PROFILES]
        stored = profiles.count_documents({})
        template = _document("template@bench.example")
        while (missing := number - stored) > 0:
            profiles.insert_many(
                [_another(template, stored + each) for each in range(min(missing, _BATCH))], ordered=False
            )
            stored = profiles.count_documents({})
        sample = profiles.aggregate([{"$sample": {"size": _SAMPLE}}, {"$project": {"id": 1}}])
        return stored, [str(each["id"]) for each in sample]


def _another(template: Mapping[str, Any], number: int) -> dict[str, Any]:
    email = f"many-{number}@bench.example"
    ids = {"_id": ObjectId(), "id": new_id(template["created_at"])}
    return {**template, **ids, "email": email, "email_key": email}


async def _user(client: ProfileClient, number: int) -> User:
    login = await _signed_up(client, f"user-{number}")
    request = LogIn(email=login.email, password=SecretStr(login.password))
    tokens = await client.log_in(request)
    return User(str(tokens.profile_id), tokens.access_token)


async def _signed_up(client: ProfileClient, name: str) -> Login:
    email = f"{name}@bench.example"
    await client.create_profile(
        CreateProfile(first_name="Ada", last_name="Lovelace", email=email, password=_PASSWORD)
    )
    return Login(email, _PASSWORD.get_secret_value())


def _document(email: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    profile = Profile(
        id=new_id(now),
        oid=str(ObjectId()),
        first_name="Ada",
        last_name="Lovelace",
        email=Email.parse(email),
        hashed_password="none",  # noqa: S106 - nobody logs in with it
        created_at=now,
        updated_at=now,
    )
    return {**to_document(profile), "outbox": []}
