"""What one user's many things, or very many commands that wait, do to a worker and to other users."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import quantiles
from typing import Any, Final
from uuid import UUID, uuid4

from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from benchmarks.comparison.checks import limited
from benchmarks.comparison.data import User
from benchmarks.comparison.processes import ProcessTree
from benchmarks.comparison.results import Check
from benchmarks.comparison.running import Stage
from profile_contracts.auth import LogOut, Scope
from profile_contracts.client import ProfileClient
from profile_contracts.profiles import DeleteProfile, UpdateProfile
from service.app.ids import new_id

SESSIONS: Final = 20_000
POSTS: Final = 10_000
_PAUSE: Final = 0.05  # seconds between two commands of others
_LIMIT_SECONDS: Final = 120.0
_MEDIAN_MS: Final = 200.0
_LATE_MS: Final = 1000.0
_IDLE_SHARE: Final = 1.0
_LIFETIME: Final = timedelta(days=30)

Begin = Callable[[ProfileClient], Coroutine[Any, Any, None]]
Documents = Database[dict[str, Any]]


def idle_check(worker: ProcessTree, seconds: float) -> Check:
    """Return how much of a core a worker uses that is asked for nothing."""
    before = worker.cpu_seconds()
    time.sleep(seconds)  # idleness is what is measured
    share = 100 * (worker.cpu_seconds() - before) / seconds
    return limited("CPU of an idle worker, % of a core", round(share, 2), _IDLE_SHARE)


def sessions_fan_out(stage: Stage, user: User, profiles: Sequence[str]) -> list[Check]:
    """Return how long others' commands take while a user's very many sessions end."""
    with _database(stage) as database:
        now = datetime.now(UTC)
        sessions = [_session(UUID(user.id), now) for _ in range(SESSIONS)]
        database["sessions"].insert_many(sessions, ordered=False)

        async def log_out(client: ProfileClient) -> None:
            await client.log_out(LogOut(scope=Scope.GLOBAL), user.token)

        def is_done() -> bool:
            return database["sessions"].count_documents({"user_id": UUID(user.id)}, limit=1) == 0

        return _beside(stage, profiles, log_out, is_done, f"ending {SESSIONS:,} sessions")


def posts_fan_out(stage: Stage, user: User, profiles: Sequence[str]) -> list[Check]:
    """Return how long others' commands take while a user's very many posts are deleted."""
    with _database(stage) as database:
        now = datetime.now(UTC)
        posts = [_post(UUID(user.id), now) for _ in range(POSTS)]
        database["posts"].insert_many(posts, ordered=False)
        waiting = {"user_id": UUID(user.id), "$or": [{"status": "active"}, {"outbox": {"$ne": []}}]}

        async def delete(client: ProfileClient) -> None:
            await client.delete_profile(DeleteProfile(id=UUID(user.id)), user.token)

        def is_done() -> bool:
            return database["posts"].count_documents(waiting, limit=1) == 0

        return _beside(stage, profiles, delete, is_done, f"deleting {POSTS:,} posts")


def _beside(
    stage: Stage,
    profiles: Sequence[str],
    begin: Begin,
    is_done: Callable[[], bool],
    what: str,
) -> list[Check]:
    latencies = asyncio.run(_latencies(stage.sandbox.gateway_url, profiles, begin, is_done))
    middle, late = (round(quantiles(latencies, n=100)[percent - 1], 1) for percent in (50, 99))
    return [
        limited(f"p50 ms of profile.update beside {what}", middle, _MEDIAN_MS),
        limited(f"p99 ms of profile.update beside {what}", late, _LATE_MS),
    ]


async def _latencies(
    url: str,
    profiles: Sequence[str],
    begin: Begin,
    is_done: Callable[[], bool],
) -> list[float]:
    """Return how long commands took that left at a steady pace until something was begun and done, in ms.

    They leave whether or not those before are answered: else next to none would leave while all wait.
    """
    latencies: list[float] = []

    async def change(client: ProfileClient, number: int) -> None:
        profile = UUID(profiles[number % len(profiles)])
        started = time.perf_counter()
        await client.update_profile(UpdateProfile(id=profile, last_name=f"King {number}"))
        latencies.append((time.perf_counter() - started) * 1000)

    async with (
        ProfileClient(url, name="bench-fan-out", timeout=_LIMIT_SECONDS) as client,
        asyncio.timeout(_LIMIT_SECONDS),
        asyncio.TaskGroup() as group,
    ):
        begun = group.create_task(begin(client))
        for number in count():
            group.create_task(change(client, number))
            await asyncio.sleep(_PAUSE)
            if begun.done() and await asyncio.to_thread(is_done):
                break
    return latencies


@contextmanager
def _database(stage: Stage) -> Iterator[Documents]:
    with MongoClient[dict[str, Any]](stage.sandbox.mongo_url, uuidRepresentation="standard") as mongo:
        yield mongo.get_default_database()


def _session(user_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "_id": uuid4(),
        "user_id": user_id,
        "sessions_version": 1,
        "step": 0,
        "moved_by": None,
        "moved_at": now,
        "created_at": now,
        "expires_at": now + _LIFETIME,
    }


def _post(user_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "id": new_id(now),
        "user_id": user_id,
        "title": "Note G",
        "body": "It weaves algebraic patterns.",
        "status": "active",
        "created_at": now,
        "updated_at": now,
        "deleted_at": None,
        "deleted_with_owner": False,
        "version": 1,
        "outbox": [],
    }
