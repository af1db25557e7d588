"""Both repositories remember commands alike, whatever stands behind them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.domain.errors import StaleVersion
from service.domain.idempotency import AlreadyCreated, IdempotencyKey
from service.domain.post import PostPatch
from service.domain.profile import ProfilePatch
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import default_database
from tests.builders import NOON, a_post, a_profile
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles

LATER = NOON + timedelta(milliseconds=1)


class Things:
    """A repository of profiles or posts."""

    def __init__(self, kind: str, client: Any) -> None:
        self.is_profile = kind == "profiles"
        fake, real = (FakeProfiles, MongoProfiles) if self.is_profile else (FakePosts, MongoPosts)
        self.stored: Any = real(default_database(client)) if client else fake()

    def new(self, command: IdempotencyKey | None = None) -> Any:
        return (a_profile if self.is_profile else a_post)(idempotency_key=command)

    def updated(self, thing: Any, text: str, command: IdempotencyKey | None = None) -> Any:
        patch = ProfilePatch(last_name=text) if self.is_profile else PostPatch(title=text)
        return replace_by(thing.updated(patch, LATER), command)


def replace_by(thing: Any, command: IdempotencyKey | None) -> Any:
    return replace(thing, idempotency_key=command)


@pytest.fixture(params=["fake", "pymongo", "motor"])
def client(request: pytest.FixtureRequest) -> Any:
    return None if request.param == "fake" else request.getfixturevalue(f"{request.param}_client")


@pytest.fixture(params=["profiles", "posts"])
def things(request: pytest.FixtureRequest, client: Any) -> Things:
    return Things(request.param, client)


def a_command() -> IdempotencyKey:
    return IdempotencyKey(uuid4().hex, uuid4().bytes)


def without_hash(thing: Any) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in type(thing).__dataclass_fields__ if name not in IGNORED}


IGNORED = {"hashed_password", "events", "idempotency_key"}


async def test_a_command_makes_one_thing(things: Things) -> None:
    command = a_command()
    await things.stored.add(made := things.new(command))
    await things.stored.save(things.updated(made, "King"))

    with pytest.raises(AlreadyCreated):
        await things.stored.add(things.new(command))
    known = await things.stored.find_created_by(command.message_id)
    assert known.key == command
    assert without_hash(known.result) == without_hash(made)
    assert await things.stored.find_created_by(uuid4().hex) is None


async def test_a_command_changes_a_thing_once(things: Things) -> None:
    command = a_command()
    await things.stored.add(thing := things.new())
    await things.stored.save(once := things.updated(thing, "King", command))

    with pytest.raises(StaleVersion):
        await things.stored.save(things.updated(once, "Byron", command))
    await things.stored.save(things.updated(once, "Byron"))
    known = await things.stored.find_processed(thing.id, command.message_id)
    assert known.key == command
    assert without_hash(known.result) == without_hash(once)
    assert await things.stored.find_processed(uuid4(), command.message_id) is None
    assert await things.stored.find_processed(thing.id, uuid4().hex) is None


async def test_a_command_without_effect_is_noted(things: Things) -> None:
    command = a_command()
    await things.stored.add(thing := things.new())
    await things.stored.record_processed(replace_by(thing, command))

    with pytest.raises(StaleVersion):
        await things.stored.record_processed(replace_by(thing, command))
    known = await things.stored.find_processed(thing.id, command.message_id)
    assert without_hash(known.result) == without_hash(thing)
    assert (await things.stored.get(thing.id)).version == 1


async def test_the_last_64_commands_are_known(things: Things) -> None:
    commands = [a_command() for _ in range(65)]
    await things.stored.add(thing := things.new())
    for number, command in enumerate(commands):
        await things.stored.save(thing := things.updated(thing, f"King {number}", command))

    assert await things.stored.find_processed(thing.id, commands[0].message_id) is None
    assert await things.stored.find_processed(thing.id, commands[1].message_id)


async def test_a_large_thing_does_not_grow_with_commands_that_change_nothing(pymongo_client: Any) -> None:
    database = default_database(pymongo_client)
    posts, post = MongoPosts(database), a_post(body="\u5b57" * 20_000)
    await posts.add(post)
    commands = [a_command() for _ in range(64)]
    for command in commands:
        await posts.record_processed(replace(post, idempotency_key=command))
    [stored] = await database["posts"].find({"id": post.id}).to_list()

    assert sum(len(each["result"]["body"].encode()) for each in stored["handled"]) < 512 * 1024
    assert await posts.find_processed(post.id, commands[-1].message_id)


async def test_what_was_erased_answers_nothing(things: Things) -> None:
    made, changed = a_command(), a_command()
    await things.stored.add(thing := things.new(made))
    await things.stored.save(thing := things.updated(thing, "King", changed))
    await things.stored.save(replace_by(thing, None).erased(LATER))

    assert await things.stored.find_created_by(made.message_id) is None
    assert await things.stored.find_processed(thing.id, changed.message_id) is None
