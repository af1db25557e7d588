"""The event history: a stream from which a new consumer reads from the beginning, in plain aio-pika."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotImplemented
from pymongo import MongoClient
from pymongo.database import Database

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.event_history import NoEventHistory, opened_history
from service.infrastructure.rabbitmq.topology import EVENT_HISTORY, topology
from tests.integration.broker import Broker, administrating
from tests.integration.connections import connect
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.operators import profilectl
from tests.integration.requests import PASSWORD, a_request
from tests.integration.workers import running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox

CANARY: Final = f"canary{uuid4().hex}"
TRUSTED: Final = (
    *("profile.create", "profile.update", "profile.delete", "profile.restore", "profile.erase"),
    "auth.start_verification",
)
NAMES: Final = ("first_name", "last_name", "email")
SETTINGS: Final = {
    "EVENT_HISTORY": "true",
    "BCRYPT_COST": "10",
    "TRUSTED_SERVICES": json.dumps({"profile-service": TRUSTED}),
}
_MIB: Final = 1024 * 1024


@pytest.fixture(scope="module", name="box")
def _box(servers: Servers) -> Iterator[Sandbox]:
    """A virtual host with a history, and databases."""
    with new_sandbox(servers, definitions(topology(event_history=True))) as made:
        yield made


@pytest_asyncio.fixture(scope="module", name="service")
async def _service(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A trusted service, before a worker that keeps a history."""
    with running_worker(box, tmp_path_factory.mktemp("worker"), SETTINGS):
        async with connected(box.service_url) as trusted:
            yield trusted


@pytest.fixture(scope="module", name="database")
def _database(box: Sandbox) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](box.mongo_url, uuidRepresentation="standard") as client:
        yield client.get_default_database()


async def done(service: Gateway, operation: str, body: object, **more: Any) -> dict[str, Any]:
    """Return the result of a command whose every name and text is a canary."""
    names = {"message_id": f"{CANARY}-{uuid4().hex}", "correlation_id": f"{CANARY}-{uuid4().hex}"}
    reply = await service.ask(operation, body, **{**names, **more})
    assert reply["ok"], reply
    return dict(reply["result"])


async def sign_up(service: Gateway) -> str:
    email = f"{CANARY}{uuid4().hex[:8]}@example.org"
    asked = a_request("profile.create", first_name=CANARY, last_name=CANARY, email=email)
    return str((await done(service, "profile.create", asked))["id"])


async def write_posts(service: Gateway, email: str) -> list[str]:
    """Log in, and return the ids of three posts: one as it was written, one changed and one deleted."""
    login = await done(service, "auth.login", {"email": email, "password": PASSWORD})
    token = login["access_token"]
    ids = []
    for _ in range(3):
        text = {"title": CANARY, "body": CANARY}
        ids.append(str((await done(service, "post.create", text, token=token))["id"]))
    await done(service, "post.update", {"id": ids[1], "title": f"{CANARY}!"}, token=token)
    await done(service, "post.delete", {"id": ids[2]}, token=token)
    return ids


async def live_through_everything(service: Gateway, database: Database[dict[str, Any]]) -> None:
    """Let happen to profiles and posts what can, and wait until all of it is published."""
    people = [await sign_up(service) for _ in range(7)]
    _, renamed, verified, moved, deleted, restored, erased = people
    emails = {
        str(each["id"]): str(each["email"]) for each in database.profiles.find({}, {"id": 1, "email": 1})
    }
    for each in (renamed, deleted, restored, erased):
        await write_posts(service, emails[each])

    async def rename(number: int) -> None:
        await done(service, "profile.update", {"id": renamed, "last_name": f"{CANARY}{number}"})

    await asyncio.gather(*map(rename, range(10)))
    for each in (verified, moved):
        started = await done(service, "auth.start_verification", {"id": each})
        await done(service, "auth.verify_email", {"token": started["token"]})
    await done(service, "profile.update", {"id": moved, "email": f"{CANARY}-moved@example.org"})
    for each in (deleted, restored, erased):
        await done(service, "profile.delete", {"id": each})
    await done(service, "profile.restore", {"id": restored})
    await done(service, "profile.update", {"id": restored, "first_name": f"{CANARY}!"})
    await done(service, "profile.erase", {"id": erased})
    await service.tell("profile.update", {"id": CANARY}, message_id=CANARY)  # which is a `command.failed`

    async def is_settled() -> bool:
        pending = [database[each].count_documents({"outbox.0": {"$exists": True}}) for each in KINDS]
        return pending == [0, 0] and posts_by_status(database) == {"active": 4, "deleted": 5, "erased": 3}

    await eventually(is_settled)


KINDS: Final = ("profiles", "posts")


def posts_by_status(database: Database[dict[str, Any]]) -> dict[str, int]:
    counted = database.posts.aggregate([{"$group": {"_id": "$status", "count": {"$sum": 1}}}])
    return {each["_id"]: each["count"] for each in counted}


@dataclass(slots=True)
class Known:
    """What a listener knows of one profile or post, by nothing but events.

    Attributes:
        changed: By name of a field, the version that it changed in last.

    """

    version: int = 0
    state: str = ""
    owner: str = ""
    changed: dict[str, int] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> None:
        """Learn from *event*, whatever came before it."""
        about = event["data"]
        for name in about["changed"]:
            self.changed[name] = max(about["version"], self.changed.get(name, 0))
        if about["version"] <= self.version:
            return
        self.version = about["version"]
        self.owner = about.get("user_id", "")
        happened = event["type"].partition(".")[2]
        if happened != "updated":
            self.state = {"created": "live"}.get(happened, happened)
        elif "status" in about["changed"]:
            self.state = "live"


@dataclass(slots=True)
class Projection:
    """What a listener makes of a history."""

    seen: set[str] = field(default_factory=set)
    known: dict[str, dict[str, Known]] = field(default_factory=lambda: {each: {} for each in KINDS})

    def take(self, event: dict[str, Any]) -> None:
        """Learn from *event*, unless it came before."""
        if event["id"] in self.seen:
            return
        self.seen.add(event["id"])
        kind = f"{event['type'].partition('.')[0]}s"
        self.known[kind].setdefault(event["subject"], Known()).take(event)

    def of_profiles(self) -> dict[str, tuple[int, str, set[str], bool]]:
        """Return version, state, which names differ from the first ones, whether the e-mail is verified."""
        return {
            name: (
                each.version,
                each.state,
                set(NAMES) & each.changed.keys() if each.state != "erased" else set(NAMES),
                each.state != "erased"
                and each.changed.get("email_verified", 0) > each.changed.get("email", 0),
            )
            for name, each in self.known["profiles"].items()
        }

    def of_posts(self) -> dict[str, tuple[int, str]]:
        """Return version and state: with its owner, everything of a post is erased."""
        gone = {name for name, each in self.known["profiles"].items() if each.state == "erased"}
        return {
            name: (each.version, "erased" if each.owner in gone else each.state)
            for name, each in self.known["posts"].items()
        }


def profiles_in(database: Database[dict[str, Any]]) -> dict[str, tuple[int, str, set[str], bool]]:
    """Return what `Projection.of_profiles` should have said."""
    found = {}
    for each in database.profiles.find():
        state = {"active": "live"}.get(each["status"], each["status"])
        at_first = {"first_name": CANARY, "last_name": CANARY}
        differing = {name for name, value in at_first.items() if each[name] != value}
        if each["email"] in ("", f"{CANARY}-moved@example.org"):
            differing.add("email")
        verified = each.get("verified_email_key") not in (None, "")
        found[str(each["id"])] = (
            each["version"],
            state,
            differing,
            verified and each["verified_email_key"] == each.get("email_key"),
        )
    return found


def posts_in(database: Database[dict[str, Any]]) -> dict[str, tuple[int, str]]:
    """Return what `Projection.of_posts` should have said."""
    return {
        str(each["id"]): (each["version"], {"active": "live"}.get(each["status"], each["status"]))
        for each in database.posts.find()
    }


@asynccontextmanager
async def history(url: str) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
    """Read the history, as `docs/howto/event-history.md` does."""
    async with await connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)
        stream = await channel.get_queue(EVENT_HISTORY, ensure=False)
        arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await stream.consume(arrived.put, arguments={"x-stream-offset": "first"})

        async def acknowledged() -> AsyncIterator[AbstractIncomingMessage]:
            while True:
                async with asyncio.timeout(30):
                    message = await arrived.get()
                yield message
                await message.ack()

        yield acknowledged()


async def read_until(url: str, subject: str) -> list[AbstractIncomingMessage]:
    """Return what is in the history up to the event that *subject* was created."""
    found = []
    async with history(url) as messages:
        async for message in messages:
            found.append(message)
            if json.loads(message.body)["subject"] == subject:
                break
    return found


async def test_a_new_consumer_makes_of_the_history_what_is_in_the_database(
    box: Sandbox, service: Gateway, database: Database[dict[str, Any]]
) -> None:
    await live_through_everything(service, database)
    async with administrating(box) as broker:
        events = await broker.channel.get_exchange(EVENTS_EXCHANGE, ensure=False)
        middle = await sign_up(service)
        for each in (await read_until(box.gateway_url, middle))[:20]:  # as a worker may that died meanwhile
            await events.publish(Message(each.body, message_id=each.message_id), each.routing_key or "")
    last = await sign_up(service)

    messages = await read_until(box.gateway_url, last)
    projection = Projection()
    for each in messages:
        projection.take(json.loads(each.body))

    assert len(messages) - len(projection.seen) == 20
    assert projection.of_profiles() == profiles_in(database)
    assert projection.of_posts() == posts_in(database)
    assert {each[1] for each in projection.of_profiles().values()} == {"live", "deleted", "erased"}
    assert sum(verified for *_, verified in projection.of_profiles().values()) == 1
    # That cannot be taken out again, so nothing personal may ever get in.
    said = [(each.body.decode(), str(each.headers), str(each.info())) for each in messages]
    assert [each for each in said if CANARY in "".join(each)] == []
    assert {json.loads(each.body)["type"].partition(".")[0] for each in messages} == {"profile", "post"}


async def test_profilectl_reads_from_any_place(box: Sandbox, service: Gateway) -> None:
    start = await sign_up(service)
    whole = [json.loads(each.body) for each in await read_until(box.gateway_url, start)]
    offset = len(whole) - 1

    async def tail(*words: str) -> list[dict[str, Any]]:
        said = await profilectl(box, "events", "tail", *words, "--json", RABBITMQ_URL=box.gateway_url)
        assert said.code == 0, said.err
        return [json.loads(line) for line in said.out.splitlines()]

    first, oldest, one, young, deleted = await asyncio.gather(
        tail("--from", "first", "--count", str(len(whole))),
        tail("--from", "1900-01-01", "--count", "1"),
        tail("--from", str(offset), "--count", "1"),
        tail("--from", "2h", "--count", "1"),
        tail("profile.created", "post.*", "--from", "first", "--count", "3"),
    )

    assert first == whole
    assert (one, young, oldest) == (whole[-1:], whole[:1], whole[:1])
    assert deleted == [each for each in whole if each["type"] in ("profile.created", "post.created")][:3]


async def test_profilectl_reads_from_a_moment_on(box: Sandbox, service: Gateway) -> None:
    before = await sign_up(service)
    (*_, last) = await read_until(box.gateway_url, before)
    published = datetime.fromisoformat(json.loads(last.body)["time"])
    moment = published + timedelta(seconds=2)  # AMQP's times are of whole seconds

    async def has_come() -> bool:
        return datetime.now(UTC) > moment

    await eventually(has_come)
    after = await sign_up(service)
    words = ("events", "tail", "--from", moment.isoformat(), "--count", "1")
    said = await profilectl(box, *words)

    assert said.code == 0, said.err
    assert after in said.out
    assert "profile.created" in said.out


async def test_where_there_is_no_history_it_says_so(sandbox: Sandbox) -> None:
    said = await profilectl(sandbox, "events", "tail", "--from", "first")

    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "Cannot run: There is no profile.events.history: "
        "workers with EVENT_HISTORY=true keep one, from then on.\n"
    )


async def test_a_place_that_is_none_is_wrong_usage(sandbox: Sandbox) -> None:
    said = await profilectl(sandbox, "events", "tail", "--from", "yesterday")

    assert said.code == 2
    assert "an age such as 2h, or a time" in said.err


async def test_a_gateway_may_read_the_history_and_do_nothing_else_to_it(
    box: Sandbox, service: Gateway
) -> None:
    await sign_up(service)
    async with await connect(box.gateway_url) as connection:
        for forbidden in ("queue_delete", "queue_bind"):
            more = ("amq.topic",) if forbidden == "queue_bind" else ()
            underlay = await (await connection.channel()).get_underlay_channel()
            with pytest.raises(ChannelAccessRefused):
                await getattr(underlay, forbidden)(EVENT_HISTORY, *more)
        underlay = await (await connection.channel()).get_underlay_channel()
        with pytest.raises(ConnectionNotImplemented):
            await underlay.queue_purge(EVENT_HISTORY)


async def test_the_topology_has_a_history_where_it_is_asked_for(
    sandbox: Sandbox, box: Sandbox, service: Gateway
) -> None:
    await sign_up(service)
    who = box.admin_url.partition("://")[2].rpartition("@")[0]
    console = {"RABBITMQ_MANAGEMENT_URL": box.management_url.replace("://", f"://{who}@")}
    asked = {**console, "EVENT_HISTORY": "true"}
    async with administrating(sandbox) as broker, history(box.gateway_url) as messages:
        await anext(messages)  # who reads is no difference
        missing = await profilectl(sandbox, "topology", "check", **asked)
        standing = await profilectl(box, "topology", "check", **asked)
        no_longer = await profilectl(box, "topology", "check", **console)
        try:
            made = await profilectl(sandbox, "topology", "apply", **asked)
            again = await profilectl(sandbox, "topology", "check", **asked)
        finally:
            await remove_history(broker)

    assert f"{EVENT_HISTORY} is missing: run `profilectl topology apply`" in missing.out.splitlines()
    assert "policy profile-event-history is missing" in missing.out
    assert (standing.code, no_longer.code) == (0, 0), standing.out + no_longer.out
    assert {f"{EVENT_HISTORY} made", "policy profile-event-history made"} <= set(made.out.splitlines())
    assert (made.code, again.code) == (0, 0), again.out


async def remove_history(broker: Broker) -> None:
    underlay = await broker.channel.get_underlay_channel()
    await underlay.queue_delete(EVENT_HISTORY)
    await asyncio.to_thread(broker.management.delete, "policies", broker.vhost, "profile-event-history")


@pytest.fixture(name="own")
def _own(servers: Servers) -> Iterator[Sandbox]:
    """A virtual host with a history of its own."""
    with new_sandbox(servers, definitions(topology(event_history=True))) as made:
        yield made


async def test_a_policy_says_how_much_is_kept(own: Sandbox) -> None:
    louder = {
        "pattern": f"^{EVENT_HISTORY}$",
        "definition": {"max-length-bytes": 20 * _MIB},
        "apply-to": "queues",
        "priority": 11,
    }
    url = with_connection_name(own.gateway_url, "test")
    async with administrating(own) as broker:
        await asyncio.to_thread(broker.management.put, "policies", own.vhost, "louder", body=louder)
        events = await broker.channel.get_exchange(EVENTS_EXCHANGE, ensure=False)
        for _ in range(10):
            large = [Message(bytes(_MIB // 2)) for _ in range(14)]
            await asyncio.gather(*(events.publish(each, "profile.updated") for each in large))

        async def begins_later() -> bool:
            # So few segments may all be dropped, once in 150 on a busy machine: then this is the first event.
            await events.publish(Message(b"{}"), "profile.updated")
            async with opened_history(url, "first") as messages, asyncio.timeout(30):
                return int(str((await anext(messages)).headers["x-stream-offset"])) > 0

        assert await eventually(begins_later)


@pytest.mark.parametrize("by", ["a deleted history", "a closed connection"])
async def test_who_reads_when_it_ends_hears_so_and_where_to_go_on(own: Sandbox, by: str) -> None:
    url = with_connection_name(own.gateway_url, "test")
    async with administrating(own) as broker, opened_history(url, "first") as messages, asyncio.timeout(30):
        events = await broker.channel.get_exchange(EVENTS_EXCHANGE, ensure=False)
        await events.publish(Message(b"{}"), "profile.updated")
        assert (await anext(messages)).body == b"{}"
        if by == "a deleted history":
            await (await broker.channel.get_underlay_channel()).queue_delete(EVENT_HISTORY)
        else:
            (reading,) = await eventually(lambda: broker.connections(" test"))
            await broker.close_connection(reading["name"])
        with pytest.raises(ConnectionError, match=r"go on from 1$"):
            await anext(messages)


async def test_a_queue_of_that_name_is_not_read_empty(own: Sandbox) -> None:
    async with administrating(own) as broker:
        underlay = await broker.channel.get_underlay_channel()
        await underlay.queue_delete(EVENT_HISTORY)
        await broker.channel.declare_queue(EVENT_HISTORY, durable=True)
        await broker.channel.default_exchange.publish(Message(b"{}"), EVENT_HISTORY)
        url = with_connection_name(own.gateway_url, "test")
        with pytest.raises(NoEventHistory, match="is no stream: delete it"):
            async with asyncio.timeout(30), opened_history(url, "first") as messages:
                await anext(messages)
        assert await broker.ready(EVENT_HISTORY) == 1
