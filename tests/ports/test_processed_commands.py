"""Both repositories remember commands alike, whatever stands behind them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from bson import encode
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

from service.domain.errors import StaleVersion
from service.domain.idempotency import AlreadyCreated, FormerKey, IdempotencyKey
from service.domain.post import PostPatch
from service.domain.profile import ProfilePatch
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import default_database
from tests.builders import NOON, a_post, a_profile
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles

LATER = NOON + timedelta(milliseconds=1)
CODEC = CodecOptions[Any](uuid_representation=UuidRepresentation.STANDARD)


class Things:
    """A repository of profiles or posts."""

    def __init__(self, kind: str, client: Any) -> None:
        self.is_profile = kind == "profiles"
        fake, real = (FakeProfiles, MongoProfiles) if self.is_profile else (FakePosts, MongoPosts)
        self.stored: Any = real(default_database(client)) if client else fake()
        self.id = uuid4()

    def new_one(self) -> Any:
        """Return the thing with our *id*."""
        return replace(self.new(), id=self.id)

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


def a_command(message_id: str = "") -> IdempotencyKey:
    digests = (uuid4().bytes, uuid4().bytes)
    former = FormerKey(message_id or uuid4().hex, lambda: digests)
    return IdempotencyKey(uuid4().bytes, uuid4().bytes, former)


async def test_a_command_makes_one_thing(things: Things) -> None:
    command = a_command()
    await things.stored.add(made := things.new(command))
    await things.stored.save(changed := things.updated(made, "King"))

    with pytest.raises(AlreadyCreated):
        await things.stored.add(things.new(command))
    known = await things.stored.find_created_by(command)
    assert (known.digest, known.version, known.aggregate) == (command.digest, 1, changed)
    assert await things.stored.find_created_by(a_command()) is None


async def test_a_command_changes_a_thing_once(things: Things) -> None:
    command = a_command()
    await things.stored.add(thing := things.new())
    await things.stored.save(once := things.updated(thing, "King", command))

    once = await things.stored.get(thing.id)
    with pytest.raises(StaleVersion):
        await things.stored.save(things.updated(once, "Byron", command))
    await things.stored.save(twice := things.updated(once, "Byron"))
    known = await things.stored.find_processed(thing.id, command)
    assert (known.digest, known.version, known.aggregate) == (command.digest, 2, twice)
    assert await things.stored.find_processed(uuid4(), command) is None
    assert await things.stored.find_processed(thing.id, a_command()) is None


def by_secrets(*keys: IdempotencyKey) -> IdempotencyKey:
    """Return the key of a command while several secrets are in use."""
    first, *others = keys
    return replace(first, others=tuple(others))


async def test_while_secrets_change_a_command_makes_one_thing(things: Things) -> None:
    """Two workers may know different secrets; one has to be common to them."""
    old, new, another = a_command(), a_command(), a_command()
    both = by_secrets(old, new)
    await things.stored.add(made := things.new(both))

    for each in (old, new, by_secrets(new, old), by_secrets(another, new)):
        with pytest.raises(AlreadyCreated):
            await things.stored.add(things.new(each))
    for each in (old, new):
        known = await things.stored.find_created_by(by_secrets(another, each))
        assert (known.digest in both.digests, known.aggregate) == (True, made)
        assert known.is_of(both)
    assert await things.stored.find_created_by(another) is None


@pytest.mark.parametrize("is_changed", [True, False])
async def test_while_secrets_change_a_command_changes_a_thing_once(
    things: Things, *, is_changed: bool
) -> None:
    old, new, another = a_command(), a_command(), a_command()
    await things.stored.add(thing := things.new())

    async def do(text: str, command: IdempotencyKey) -> None:
        now = await things.stored.get(thing.id)
        if is_changed:
            await things.stored.save(things.updated(now, text, command))
        else:
            await things.stored.record_processed(replace_by(now, command))

    await do("King", old)
    await do("Byron", by_secrets(another, a_command()))
    with pytest.raises(StaleVersion):
        await do("Lord", by_secrets(new, old))
    for each in (old, by_secrets(new, old), another, by_secrets(new, another)):
        assert (await things.stored.find_processed(thing.id, each)).is_of(each)
    assert await things.stored.find_processed(thing.id, new) is None


async def test_a_command_without_effect_is_noted(things: Things) -> None:
    command = a_command()
    await things.stored.add(thing := things.new())
    await things.stored.record_processed(replace_by(thing, command))

    with pytest.raises(StaleVersion):
        await things.stored.record_processed(replace_by(await things.stored.get(thing.id), command))
    known = await things.stored.find_processed(thing.id, command)
    assert (known.version, known.aggregate) == (1, thing)
    assert (await things.stored.get(thing.id)).version == 1


async def test_a_command_that_did_not_see_another_one_comes_too_late(things: Things) -> None:
    """Each is recorded in a place of its own, which it has to know."""
    await things.stored.add(thing := things.new())
    await things.stored.record_processed(replace_by(thing, a_command()))

    with pytest.raises(StaleVersion):
        await things.stored.save(things.updated(thing, "King", a_command()))
    with pytest.raises(StaleVersion):
        await things.stored.record_processed(replace_by(thing, a_command()))


async def test_the_last_64_commands_are_known(things: Things) -> None:
    """Whether they have changed anything or not; and they go around."""
    commands = [a_command() for _ in range(200)]
    await things.stored.add(things.new_one())
    for number, command in enumerate(commands):
        thing = await things.stored.get(things.id)
        if number % 3:
            await things.stored.save(things.updated(thing, f"King {number}", command))
        else:
            await things.stored.record_processed(replace_by(thing, command))

    known = [await things.stored.find_processed(things.id, each) is not None for each in commands]
    assert known == [False] * (200 - 64) + [True] * 64


async def test_what_was_erased_answers_nothing_but_what_created_it(things: Things) -> None:
    made, changed = a_command(), a_command()
    await things.stored.add(thing := things.new(made))
    await things.stored.save(things.updated(thing, "King", changed))
    await things.stored.save((await things.stored.get(thing.id)).erased(LATER))

    assert (await things.stored.find_created_by(made)).aggregate.status == "erased"
    assert await things.stored.find_processed(thing.id, changed) is None


@pytest.fixture(params=["profiles", "posts"])
def in_mongo(request: pytest.FixtureRequest, pymongo_client: Any) -> tuple[Things, Any]:
    """Return things in MongoDB, and the collection that they are in."""
    return Things(request.param, pymongo_client), default_database(pymongo_client)[request.param]


async def test_nothing_of_what_was_said_is_stored_with_a_command(in_mongo: tuple[Things, Any]) -> None:
    things, collection = in_mongo
    made, changed = a_command("gateway-17"), a_command("gateway-18")
    await things.stored.add(thing := things.new(made))
    await things.stored.save(things.updated(thing, "King", changed))
    stored = await collection.find_one({"id": thing.id})

    assert stored["created_by"] == {"id": made.id, "digest": made.digest, "version": 1}
    assert stored["processed"] == [{"id": changed.id, "digest": changed.digest, "version": 2}]
    assert "gateway-" not in repr(stored)


async def test_an_edit_writes_little_however_many_there_were(
    in_mongo: tuple[Things, Any], pymongo_client: Any
) -> None:
    """MongoDB's oplog says what a write was: of an array that moves on, all of it."""
    things, collection = in_mongo
    await things.stored.add(things.new_one())
    for number in range(70):
        thing = await things.stored.get(things.id)
        await things.stored.save(things.updated(thing, f"King {number}", a_command()))
    oplog, written = pymongo_client["local"]["oplog.rs"], {"ns": collection.full_name, "op": "u"}

    async def size_of_edit(text: str, command: IdempotencyKey | None) -> int:
        await things.stored.save(things.updated(await things.stored.get(things.id), text, command))
        (entry,) = await oplog.find(written).sort("$natural", -1).limit(1).to_list()
        return len(encode(entry["o"], codec_options=CODEC))

    assert await size_of_edit("Byron", a_command()) - await size_of_edit("Noel ", None) < 256


async def test_commands_that_0_1_has_recorded_are_known(in_mongo: tuple[Things, Any]) -> None:
    """As it wrote them: by the plain name, whoever sent them, with all that came of them."""
    things, collection = in_mongo
    made, changed, new = a_command("m-made"), a_command("m-changed"), a_command()
    await things.stored.add(thing := things.new())
    result = await collection.find_one({"id": thing.id}, {"outbox": 0})
    assert made.former
    assert changed.former
    await collection.update_one(
        {"id": thing.id},
        {
            "$set": {
                "created_by": {"id": "m-made", "digest": made.former.digests()[0], "result": result},
                "handled": [{"id": "m-changed", "digest": changed.former.digests()[1], "result": result}],
            }
        },
    )

    creator = await things.stored.find_created_by(made)
    assert (creator.is_of(made), creator.is_of(new), creator.aggregate) == (True, False, thing)
    known = await things.stored.find_processed(thing.id, changed)
    assert (known.is_of(changed), known.version, known.aggregate) == (True, 1, thing)
    with pytest.raises(StaleVersion):
        await things.stored.save(things.updated(thing, "King", changed))
    await things.stored.save(things.updated(thing, "King", new))
    assert (await things.stored.find_processed(thing.id, new)).version == 2
    await things.stored.save((await things.stored.get(thing.id)).erased(LATER))
    left = await collection.find_one({"id": thing.id})
    assert "handled" not in left
    assert "result" not in left["created_by"]
    assert (await things.stored.find_created_by(made)).aggregate.status == "erased"
