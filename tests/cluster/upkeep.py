"""What workers owe to users over time, while members are lost: sessions end, guesses count, data is erased.

Two workers of their own do it, on the same members as those under load.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from profile_contracts.auth import LogIn, LogOut, Refresh, Scope, Tokens, VerifyToken
from profile_contracts.client import ProfileClient
from profile_contracts.errors import CallFailed, ErrorReply, Unauthenticated
from profile_contracts.posts import CreatePost
from profile_contracts.profiles import CreateProfile, DeleteProfile
from service.infrastructure.rabbitmq.topology import QueueType
from service.infrastructure.security.keyring import PUBLISHED_AHEAD
from service.infrastructure.security.keys import new_key
from service.infrastructure.security.root_key_files import new_root_key
from service.pkg.broker_urls import broker_urls
from service.pkg.database import default_database
from tests.faults.cluster import SETTINGS, Cluster, sandbox_with_short_retries
from tests.faults.history import Told, listening_on_any_node
from tests.integration.broker import administrating
from tests.integration.gateway import eventually
from tests.integration.workers import CHEAP_WORKER
from tools.servers import Servers

_PASSWORD: Final = SecretStr("correct horse battery staple")
_BURST, _PER_DAY = 10, 96
# What is deleted is erased at the next look, which is once in a minute.
_OURS: Final = {
    "RETENTION_DAYS": "0",
    "GUESSES_ACCOUNT_BURST": str(_BURST),
    "GUESSES_ACCOUNT_PER_DAY": str(_PER_DAY),
}
# A call is sent again for so long: longer than any fault lasts.
_PATIENCE: Final = 120.0
_BETWEEN: Final = 1.0
# By then all workers know that a session has ended (docs/howto/verify-tokens.md).
_KNOWN_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.1
_BETWEEN_KEYS: Final = 45.0
# A key signs once all have had it for a while. Ours is made to look older, so that it does so in a minute:
# workers look for keys every ten seconds, and the clock of one is 30 s ahead.
_OLDER: Final = PUBLISHED_AHEAD - timedelta(minutes=1)
_SETTLING: Final = 240.0


@dataclass(slots=True)
class Upkeep:
    """What was asked for, and what came of it.

    Attributes:
        wrong: What must not be, in words.
        deleted: The profiles that their users have deleted, with one post each.
        ended: Access tokens whose sessions have ended.
        guesses: The reasons that wrong passwords were answered with.
        kids: The names of the keys that new tokens were signed with.
        done: How often each actor has done all its steps.
        ends: How often a worker gave up, as it does where something does not come back, and another one came.

    """

    began: float = field(default_factory=time.monotonic)
    wrong: list[str] = field(default_factory=list)
    deleted: dict[UUID, UUID] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    guesses: Counter[str] = field(default_factory=Counter)
    kids: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    ends: int = 0

    def __str__(self) -> str:
        """Return it in a line, for a closing note."""
        return (
            f"beside it: {len(self.deleted)} users came and went, {len(self.ended)} sessions ended, "
            f"{len(self.kids)} signing keys were in use, workers ended {self.ends} times by themselves, "
            f"guesses {dict(self.guesses)}, wrong {len(self.wrong)}"
        )

    @property
    def allowed_guesses(self) -> int:
        """How many wrong passwords may have been looked at by now."""
        return _BURST + int((time.monotonic() - self.began) / 86_400 * _PER_DAY) + 1


@asynccontextmanager
async def upkeep(servers: Servers, folder: Path, queries: QueueType) -> AsyncIterator[Upkeep]:
    """Let users come and go, guess and stay for the block, and look afterwards at what is left of them."""
    settings = {**SETTINGS, **_OURS, "QUERY_QUEUE_TYPE": queries}
    modules = (CHEAP_WORKER, ("tests.cluster.worker_ahead", "worker"))
    with sandbox_with_short_retries(servers, queries) as sandbox:
        async with (
            administrating(sandbox) as broker,
            listening_on_any_node(sandbox.admin_url) as told,
            ProfileClient(broker_urls(sandbox.gateway_url), timeout=_PATIENCE, replies="queue") as api,
            (cluster := Cluster(sandbox, folder, broker, {}, settings, modules)).staffed("upkeep"),
        ):
            found, over, numbers = Upkeep(), asyncio.Event(), count()
            async with asyncio.TaskGroup() as doing:
                for what in _ACTORS:
                    doing.create_task(_again_and_again(what(api, found, numbers), found, over))
                doing.create_task(_change_keys(folder / "keys", over))
                try:
                    yield found
                    await _all_go_on(found)
                finally:
                    over.set()
            await _look(api, told, sandbox.mongo_url, found)
            found.ends = sum(place.starts - 1 for place in cluster.places)


async def _all_go_on(found: Upkeep) -> None:
    """Wait until every actor has done all its steps once more."""
    before = found.done.copy()

    async def all_have() -> bool:
        return len(before) == len(_ACTORS) and all(found.done[each] > before[each] for each in before)

    await eventually(all_have, within=_SETTLING)


async def _again_and_again(steps: Callable[[], Awaitable[None]], found: Upkeep, over: asyncio.Event) -> None:
    """Take *steps* until it is *over*. What says that it may succeed later is no fault in such times."""
    while not over.is_set():
        try:
            await steps()
        except CallFailed as failure:
            if isinstance(failure, ErrorReply) and not failure.retryable:
                found.wrong.append(f"{steps.__name__}: {failure.reason}")
        else:
            found.done[steps.__name__] += 1
        await _pause(over, _BETWEEN)


async def _pause(over: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await over.wait()


async def _signed_up(api: ProfileClient, numbers: Iterator[int]) -> LogIn:
    email = f"user-{next(numbers)}@upkeep.example"
    person = CreateProfile(first_name="Ada", last_name="King", email=email, password=_PASSWORD)
    await api.create_profile(person)
    return LogIn(email=email, password=_PASSWORD)


def _come_and_go(api: ProfileClient, found: Upkeep, numbers: Iterator[int]) -> Callable[[], Awaitable[None]]:
    """Sessions end for good once a user was told so, by a logout or with the profile."""

    async def come_and_go() -> None:
        who = await _signed_up(api, numbers)
        first, second = await api.log_in(who), await api.log_in(who)
        post = await api.create_post(CreatePost(title="Notes", body="On the engine."), first.access_token)
        await api.log_out(LogOut(scope=Scope.LOCAL), second.access_token)
        await _ends(second)
        await _delete(first)
        found.deleted[first.profile_id] = post.id
        await _ends(first)

    async def _delete(tokens: Tokens) -> None:
        try:
            await api.delete_profile(DeleteProfile(id=tokens.profile_id), tokens.access_token)
        except Unauthenticated as refusal:
            # The reply was lost, and the profile is erased already, with what it knew of commands.
            if refusal.reason != "session_ended":
                raise

    async def _ends(tokens: Tokens) -> None:
        found.ended.append(tokens.access_token)
        ended = asked = time.monotonic()
        while (await api.verify_token(VerifyToken(token=SecretStr(tokens.access_token)))).active:
            if asked > ended + _KNOWN_SECONDS:
                found.wrong.append(f"the session of {tokens.profile_id} that has ended is active")
                return
            await asyncio.sleep(_LOOK_SECONDS)
            asked = time.monotonic()

    return come_and_go


def _guess(api: ProfileClient, found: Upkeep, numbers: Iterator[int]) -> Callable[[], Awaitable[None]]:
    """All workers together look at no more wrong passwords than one."""
    victim: list[LogIn] = []

    async def guess() -> None:
        if not victim:
            victim.append(await _signed_up(api, numbers))
        try:
            await api.log_in(LogIn(email=victim[0].email, password=SecretStr("no horse at all")))
        except ErrorReply as refusal:
            found.guesses[refusal.reason] += 1
            if refusal.reason not in ("invalid_credentials", "too_many_attempts", "attempts_in_flight"):
                raise
        if found.guesses["invalid_credentials"] > found.allowed_guesses:
            found.wrong.append("more guesses than allowed were looked at")

    return guess


def _stay(api: ProfileClient, found: Upkeep, numbers: Iterator[int]) -> Callable[[], Awaitable[None]]:
    """Whatever keys come, every worker knows every token of a session that goes on, and publishes its key."""
    held: list[Tokens] = []

    async def stay() -> None:
        if not held:
            held.append(await api.log_in(await _signed_up(api, numbers)))
        held.append(await api.refresh(Refresh(refresh_token=SecretStr(held[-1].refresh_token))))
        published = {each.kid for each in (await api.keys()).keys}
        for tokens in (held[0], held[-1]):
            said = await api.verify_token(VerifyToken(token=SecretStr(tokens.access_token)))
            kid = jwt.get_unverified_header(tokens.access_token)["kid"]
            found.kids.add(kid)
            if not said.active:
                found.wrong.append("a token of a session that goes on is not active")
            if kid not in published:
                found.wrong.append("a token is signed by a key that is not published")

    return stay


_ACTORS: Final = (_come_and_go, _guess, _stay)


async def _change_keys(keys: Path, over: asyncio.Event) -> None:
    """Make another signing key time and again, and every fourth time another root key, too."""
    for number in count():
        await _pause(over, _BETWEEN_KEYS)
        if over.is_set():
            return
        made_at = datetime.now(UTC) - _OLDER
        await asyncio.to_thread(new_key, keys, made_at)
        if number % 4 == 0:
            await asyncio.to_thread(new_root_key, keys, made_at)


async def _look(api: ProfileClient, told: Told, mongo_url: str, found: Upkeep) -> None:
    """Wait until all who went are erased, and note what is not as it should be."""
    mongo = AsyncMongoClient[dict[str, Any]](mongo_url, uuidRepresentation="standard")
    database = default_database(mongo)

    async def left() -> list[str]:
        erased = _erasures(told)
        who = {"id": {"$in": list(found.deleted)}, "status": "erased"}
        what = {"id": {"$in": list(found.deleted.values())}, "body": ""}
        gone = {each["id"] async for each in database["profiles"].find(who)}
        empty = {each["id"] async for each in database["posts"].find(what)}
        return [
            *[f"profile {each} is not erased" for each in found.deleted if each not in gone],
            *[f"post {each} is not erased" for each in found.deleted.values() if each not in empty],
            *[f"no event of {each}" for each in found.deleted if not erased[str(each)]],
        ]

    async def all_gone() -> bool:
        return not await left()

    with suppress(TimeoutError):
        await eventually(all_gone, within=_SETTLING)
    found.wrong += await left()
    await mongo.close()
    found.wrong += [
        f"{each} was erased {times} times" for each, times in _erasures(told).items() if times > 1
    ]
    for token in found.ended:
        if (await api.verify_token(VerifyToken(token=SecretStr(token)))).active:
            found.wrong.append("a session that had ended is active again")


def _erasures(told: Told) -> Counter[str]:
    """Return how many events say of each profile that it was erased; the same one may come more than once."""
    events = [json.loads(next(iter(bodies))) for bodies in told.bodies.values()]
    return Counter(each["subject"] for each in events if each["type"] == "profile.erased")
