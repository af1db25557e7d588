"""What a primary alone has may be gone after it: nobody hears of it before most members have it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from service.app.outbox import Kind
from service.domain.idempotency import IdempotencyKey
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, close_mongo, default_database, open_mongo
from tests.builders import NOON, a_post, a_profile, a_session
from tools.servers.sandbox import Sandbox

KEY = IdempotencyKey(b"i" * 16, b"d" * 16)


class Commands(CommandListener):
    """Keeps what was asked for: which collection was read, and by which read concern."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, str]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "find":
            concern: Any = event.command.get("readConcern", {})
            self.reads.append((event.command["find"], concern.get("level", "local")))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest_asyncio.fixture
async def watched(sandbox: Sandbox, commands: Commands) -> AsyncIterator[AsyncMongoClient[Documents]]:
    """A client that notes what is asked for."""
    client = open_mongo(sandbox.mongo_url, listeners=[commands])
    yield client
    await close_mongo(client)


async def test_events_are_read_once_most_members_have_them(
    watched: AsyncMongoClient[Documents], commands: Commands
) -> None:
    outbox, ada = MongoOutbox(default_database(watched)), a_profile().with_created_event()
    await MongoProfiles(default_database(watched)).add(ada)
    await outbox.find_stale(NOON, 1)
    (pending,) = await outbox.load_pending(Kind.PROFILE, [ada.id])

    assert [each.subject for each in pending.events] == [ada.id]
    assert {level for _, level in commands.reads} == {"majority"}


async def test_whoever_hears_that_something_was_made_before_hears_it_once_most_members_have_it(
    watched: AsyncMongoClient[Documents], commands: Commands
) -> None:
    posts = MongoPosts(default_database(watched))
    assert await posts.find_created_by(KEY) is None
    await posts.add(a_post(idempotency_key=KEY))
    found = await posts.find_created_by(KEY)

    assert found is not None
    assert commands.reads == [("posts", "local"), ("posts", "local"), ("posts", "linearizable")]


async def test_whoever_hears_that_a_command_was_carried_out_before_hears_it_once_most_members_have_it(
    watched: AsyncMongoClient[Documents], commands: Commands
) -> None:
    posts, post = MongoPosts(default_database(watched)), a_post()
    await posts.add(post)
    assert await posts.find_processed(post.id, KEY) is None
    await posts.record_processed(replace(post, idempotency_key=KEY))
    found = await posts.find_processed(post.id, KEY)

    assert found is not None
    assert commands.reads == [("posts", "local"), ("posts", "local"), ("posts", "linearizable")]


async def test_a_refresh_that_comes_again_is_answered_once_most_members_have_it(
    watched: AsyncMongoClient[Documents], commands: Commands
) -> None:
    sessions, session = MongoSessions(default_database(watched)), a_session()
    await sessions.add(session)
    await sessions.confirm(session)

    assert commands.reads == [("sessions", "linearizable")]
