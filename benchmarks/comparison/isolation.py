"""What one user's many things, or very many commands that wait, do to a worker and to other users."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
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
from benchmarks.comparison.scenarios import Scenario
from profile_contracts.auth import LogOut, Scope
from profile_contracts.client import ProfileClient
from profile_contracts.profiles import DeleteProfile
from service.app.ids import new_id

SESSIONS: Final = 20_000
POSTS: Final = 10_000
_SLOT_SECONDS: Final = 0.5
_IN_FLIGHT: Final = 4
_LIMIT_SECONDS: Final = 120.0
_MEDIAN_MS: Final = 200.0
_WORST_MS: Final = 1000.0
_IDLE_SHARE: Final = 1.0
_LIFETIME: Final = timedelta(days=30)

Documents = Database[dict[str, Any]]


def idle_check(worker: ProcessTree, seconds: float) -> Check:
    """Return how much of a core a worker uses that is asked for nothing."""
    before = worker.cpu_seconds()
    time.sleep(seconds)
    share = 100 * (worker.cpu_seconds() - before) / seconds
    return limited("CPU of an idle worker, % of a core", round(share, 2), _IDLE_SHARE)


def sessions_fan_out(stage: Stage, user: User, update: Scenario) -> list[Check]:
    """Return how long others' commands take while a user's very many sessions end."""
    with _database(stage) as database:
        now = datetime.now(UTC)
        sessions = [_session(UUID(user.id), now) for _ in range(SESSIONS)]
        database["sessions"].insert_many(sessions, ordered=False)

        async def log_out(client: ProfileClient) -> None:
            await client.log_out(LogOut(scope=Scope.GLOBAL), user.token)

        def is_done() -> bool:
            return database["sessions"].count_documents({"user_id": UUID(user.id)}, limit=1) == 0

        return _beside(stage, update, log_out, is_done, f"the end of {SESSIONS:,} sessions")


def posts_fan_out(stage: Stage, user: User, update: Scenario) -> list[Check]:
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

        return _beside(stage, update, delete, is_done, f"the deletion of {POSTS:,} posts")


def _beside(
    stage: Stage,
    update: Scenario,
    begin: Callable[[ProfileClient], Any],
    is_done: Callable[[], bool],
    what: str,
) -> list[Check]:
    """Ask for *update* in short slots, from when something begins until it is done."""

    async def ask() -> None:
        async with ProfileClient(stage.sandbox.gateway_url, name="bench-fan-out", timeout=60) as client:
            await begin(client)

    slots: list[Mapping[str, float]] = []
    with stage.load(update) as load, ThreadPoolExecutor(1) as pool:
        load.run(_SLOT_SECONDS, _IN_FLIGHT)
        began = time.monotonic()
        asked = pool.submit(asyncio.run, ask())
        while not (asked.done() and is_done()):
            slots.append(load.run(_SLOT_SECONDS, _IN_FLIGHT))
            if time.monotonic() - began > _LIMIT_SECONDS:
                msg = f"{what} was not over in {_LIMIT_SECONDS:.0f} s"
                raise TimeoutError(msg)
        asked.result()
    middle = round(median(each["p50_ms"] for each in slots), 1)
    worst = round(max(each["p99_ms"] for each in slots), 1)
    return [
        limited(f"profile.update beside {what}, p50 in ms", middle, _MEDIAN_MS),
        limited(f"profile.update beside {what}, p99 of the worst {_SLOT_SECONDS} s, in ms", worst, _WORST_MS),
    ]


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
