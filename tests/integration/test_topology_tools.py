"""`profilectl topology check` and `apply`, on a broker where something is wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.rabbitmq.definitions import PERMISSIONS
from tests.integration.broker import Broker, administrating
from tests.integration.operators import profilectl
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox

CLASSIC = (
    "profile.create exists as a classic queue and has to be quorum: queue arguments can never be changed; "
    "drain it, delete it and run this again"
)
USERS = [{"name": name, "tags": []} for name in PERMISSIONS]
RIGHTS = [
    {"user": name, "configure": configure, "write": write, "read": read}
    for name, (configure, write, read) in PERMISSIONS.items()
]


@pytest.fixture
def blank(servers: Servers) -> Iterator[Sandbox]:
    """A virtual host in which nothing stands."""
    with new_sandbox(servers, {"users": USERS, "permissions": RIGHTS}) as made:
        yield made


@pytest_asyncio.fixture
async def root(blank: Sandbox) -> AsyncIterator[Broker]:
    """Its administrator."""
    async with administrating(blank) as administrator:
        yield administrator


def console(sandbox: Sandbox) -> dict[str, str]:
    """Return the variable that names the management API, with the administrator's credentials."""
    who = urlsplit(sandbox.admin_url).netloc.rpartition("@")[0]
    return {"RABBITMQ_MANAGEMENT_URL": sandbox.management_url.replace("://", f"://{who}@")}


async def test_everything_that_is_missing_is_told_and_made(blank: Sandbox, root: Broker) -> None:
    before = await profilectl(blank, "topology", "check", **console(blank))

    assert before.code == 1
    assert "profile.create is missing: run `profilectl topology apply`" in before.out.splitlines()
    assert "policy profile-parked is missing" in before.out
    assert "is not bound" not in before.out  # what is not there cannot be

    made = await profilectl(blank, "topology", "apply", **console(blank))

    assert made.code == 0
    assert {"profile.create made", "profile.commands made", "policy profile-parked made"} <= set(
        made.out.splitlines()
    )
    policies = {each["name"] for each in await root.look_here("policies")}
    assert {"profile-commands", "profile-alternate"} <= policies

    after = await profilectl(blank, "topology", "check", **console(blank))

    assert (after.code, after.out) == (0, "Everything stands as it should.\n")
    again = await profilectl(blank, "topology", "apply", "--json", **console(blank))
    assert (again.code, json.loads(again.out)) == (0, {"made": [], "differs": [], "in_the_way": []})


async def test_without_the_management_api_it_says_what_it_did_not_look_at(blank: Sandbox) -> None:
    made = await profilectl(blank, "topology", "apply")
    said = await profilectl(blank, "topology", "check")
    data = await profilectl(blank, "topology", "check", "--json")

    assert "Without --management-url no policy was looked at." in made.err
    looked = json.loads(data.out)
    assert (looked["differs"], looked["looked_at_all"]) == ([], False)
    assert "auth.login" in looked["unanswered"]
    assert data.code == said.code
    # A virtual host without any policy is not well.
    assert (said.code, said.out) == (2, "")
    assert "No worker answers auth.change_password" in said.err
    assert "Not looked at without --management-url: policies, bindings. All else stands" in said.err


async def test_who_listens_where_nobody_should_is_told(blank: Sandbox, root: Broker) -> None:
    await profilectl(blank, "topology", "apply", **console(blank))
    commands = await root.channel.get_exchange("profile.commands", ensure=False)
    await commands.bind("profile.events", "#")
    listener = await root.channel.declare_queue("gateway.spy", durable=True)
    for source in ("profile.commands", "profile.unroutable", "profile.retry.5s", "profile.events"):
        await listener.bind(source, "auth.login")
    own = await root.channel.declare_exchange("gateway.copies", "fanout", durable=True)
    await own.bind("profile.commands", "auth.login")
    said = await profilectl(blank, "topology", "check", **console(blank))

    assert said.code == 1
    told = said.out.splitlines()
    meant = "unbind it, unless that is meant"
    assert f"profile.commands is bound to profile.events with key '#', too: {meant}" in told
    receives = f"and so receives what others ask, passwords and tokens included: {meant}"
    expected = {
        f"queue gateway.spy is bound to {source} with key 'auth.login', {receives}"
        for source in ("profile.commands", "profile.unroutable", "profile.retry.5s")
    }
    copies = f"exchange gateway.copies is bound to profile.commands with key 'auth.login', {receives}"
    assert {each for each in told if receives in each} == expected | {copies}
    # Whoever may, listens to events.
    assert not [each for each in told if each.startswith("queue gateway.spy is bound to profile.events")]


async def test_a_queue_of_another_type_is_explained_and_the_rest_is_made(
    blank: Sandbox, root: Broker
) -> None:
    await root.channel.declare_queue("profile.create", durable=True)
    await root.channel.declare_queue(
        "profile.get", durable=True, arguments={"x-queue-type": "classic", "x-message-ttl": 1000}
    )
    await root.channel.declare_exchange("profile.events", "direct", durable=True)
    said = await profilectl(blank, "topology", "apply")

    assert said.code == 2
    assert CLASSIC in said.err.splitlines()
    assert "profile.get exists with x-message-ttl=1000 and has to be without x-message-ttl" in said.err
    assert "profile.events exists as a direct exchange and has to be topic" in said.err
    assert "profile.update made" in said.out.splitlines()

    checked = await profilectl(blank, "topology", "check")

    assert checked.code == 1
    assert CLASSIC in checked.out.splitlines()
    assert "missing" not in checked.out


async def test_what_operators_changed_is_told_and_left_alone(blank: Sandbox, root: Broker) -> None:
    await profilectl(blank, "topology", "apply", **console(blank))
    changed = {"pattern": "^x$", "definition": {"max-length": 7}, "apply-to": "queues", "priority": 10}
    louder = {
        "pattern": "^profile.get$",
        "definition": {"max-length": 9},
        "apply-to": "queues",
        "priority": 11,
    }
    for name, policy in (("profile-parked", changed), ("louder", louder)):
        await asyncio.to_thread(root.management.put, "policies", blank.vhost, name, body=policy)
    await (await root.channel.get_queue("profile.get", ensure=False)).bind("amq.topic", "#")
    followup = await root.channel.get_queue("profile.followup", ensure=False)
    await followup.unbind("profile.events", "post.created")
    said = await profilectl(blank, "topology", "check", **console(blank))

    assert said.code == 1
    assert "policy profile-parked differs: " in said.out
    assert "max-length is 7 and not 50000" in said.out
    assert "profile.get obeys policy louder of priority 11, not profile-queries" in said.out
    assert "profile.get is bound to amq.topic with key '#', too" in said.out
    assert "profile.followup is not bound to profile.events with key 'post.created'" in said.out

    applied = await profilectl(blank, "topology", "apply", **console(blank))

    assert applied.code == 1
    assert "policy profile-parked differs: " in applied.out
    assert (await root.look_here("policies", "profile-parked"))["definition"] == {"max-length": 7}


async def test_who_answers_is_told(blank: Sandbox, root: Broker) -> None:
    await profilectl(blank, "topology", "apply", **console(blank))
    letters = await root.channel.get_queue("profile.get.dlq", ensure=False)
    tag = await letters.consume(asyncio.Queue[AbstractIncomingMessage]().put)
    said = await profilectl(blank, "topology", "check")

    assert said.code == 1
    assert "profile.get.dlq has 1 consumers and should have none: stop them" in said.out
    assert "No worker answers auth.change_password" in said.err

    # They are not the console's counts, which come late.
    await letters.cancel(tag)
    after = await profilectl(blank, "topology", "check", **console(blank))

    assert (after.code, after.out) == (0, "Everything stands as it should.\n")


@pytest.mark.parametrize(
    ("variables", "sentence", "code"),
    [
        ({"RABBITMQ_MANAGEMENT_URL": "http://guest:canary@127.0.0.1:1"}, "No management API answers", 7),
        ({"RABBITMQ_URL": "amqp://guest:canary@127.0.0.1:1/"}, "Connection refused", 7),
        ({"RABBITMQ_URL": "amqp://guest:canary@127.0.0.1:1,[::1]:1/"}, "Connection refused", 7),
        ({"RABBITMQ_MANAGEMENT_URL": "ftp://guest:canary@127.0.0.1"}, "begins with http", 2),
    ],
)
async def test_what_cannot_be_looked_at_is_told_without_the_password(
    blank: Sandbox, variables: dict[str, str], sentence: str, code: int
) -> None:
    said = await profilectl(blank, "topology", "check", **variables)

    assert said.code == code
    assert sentence in said.err
    assert "canary" not in said.err + said.out


async def test_a_management_user_without_rights_is_told(blank: Sandbox) -> None:
    said = await profilectl(blank, "topology", "check", RABBITMQ_MANAGEMENT_URL=blank.management_url)

    assert said.code == 7
    assert "refuses GET queues with 401: may profile-service do that" in said.err
