"""`profilectl` at a service that runs: what operators ask it for, and how it ends."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from service.infrastructure.rabbitmq.topology import CONSUMED
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.operators import FOLDER, profilectl
from tests.integration.requests import PASSWORD
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

NOWHERE = "amqp://127.0.0.1:1/"
QUEUES = len(CONSUMED)


@pytest.fixture(scope="module")
def without_workers(servers: Servers) -> Iterator[Sandbox]:
    with isolated_sandbox(servers) as env:
        yield env


async def test_status_says_what_waits_who_consumes_and_what_is_not_published(
    sandbox: Sandbox, gateway: Gateway
) -> None:
    await gateway.ask("auth.keys", {})
    said = await profilectl(sandbox, "status", MONGO_URL=sandbox.mongo_url)
    found = json.loads((await profilectl(sandbox, "status", "--json", MONGO_URL=sandbox.mongo_url)).out)
    queues = {each["queue"]: each for each in found["queues"]}

    assert said.code == 0
    assert f"All {QUEUES} queues are consumed." in said.out
    assert "published" in said.out
    assert queues["profile.get"]["consumers"] >= 1
    assert {"profile.retry.5s", "profile.unroutable", "profile.get.dlq", "profile.parked"} <= set(queues)
    assert found["events"]["events"] >= 0


async def test_status_is_shown_where_no_worker_answers_on_the_health_port(sandbox: Sandbox) -> None:
    _, port = address_of(sandbox.gateway_url)  # RabbitMQ speaks no HTTP there
    said = await profilectl(sandbox, "status", HEALTH_PORT=str(port))

    assert said.code == 0
    assert f"No worker answers on port {port}: " in said.err
    assert f"All {QUEUES} queues are consumed." in said.out


async def test_status_shows_the_queues_while_mongodb_is_away(sandbox: Sandbox, gateway: Gateway) -> None:
    await gateway.ask("auth.keys", {})
    said = await profilectl(sandbox, "status", MONGO_URL="mongodb://127.0.0.1:1/profiles")

    assert said.code == 7
    assert f"All {QUEUES} queues are consumed." in said.out
    assert "Which events are not published yet is not known: MongoDB: 127.0.0.1:1" in said.err


async def test_status_names_what_nobody_consumes(without_workers: Sandbox) -> None:
    said = await profilectl(without_workers, "status")

    assert said.code == 1
    assert "No worker consumes profile.create, profile.get" in said.out


async def test_watch_looks_again_and_again(without_workers: Sandbox) -> None:
    words = ("watch", "--every", "0.1", "--count", "2")
    drawn = await profilectl(without_workers, *words)
    looks = [
        json.loads(line) for line in (await profilectl(without_workers, *words, "--json")).out.splitlines()
    ]

    assert (drawn.code, len(looks)) == (0, 2)
    assert len(re.findall(r"^ *profile\.create ", drawn.out, re.MULTILINE)) == 2
    first, second = ({each["queue"]: each["a_second"] for each in look["queues"]} for look in looks)
    assert (first["profile.get"], second["profile.get"]) == (None, 0.0)


async def test_a_login_gives_what_a_call_needs(sandbox: Sandbox, ada: Person) -> None:
    token = (await profilectl(sandbox, "login", ada["email"], PROFILE_PASSWORD=PASSWORD)).out.strip()
    whole = await profilectl(sandbox, "login", ada["email"], "--json", PROFILE_PASSWORD=PASSWORD)
    body = json.dumps({"id": ada["id"]})
    mine = await profilectl(sandbox, "call", "profile.get", body, "--json", ACCESS_TOKEN=token)

    assert json.loads(whole.out)["profile_id"] == ada["id"]
    assert (mine.code, mine.out.count("\n")) == (0, 1)
    assert json.loads(mine.out)["result"]["email"] == ada["email"]


async def test_how_it_ends_tells_what_went_wrong(sandbox: Sandbox, ada: Person) -> None:
    nobody = json.dumps({"id": str(uuid4())})
    wrong = ("login", ada["email"])
    ends = await asyncio.gather(
        profilectl(sandbox, *wrong, PROFILE_PASSWORD="Canary-4711"),
        profilectl(sandbox, "call", "profile.get", nobody),
        profilectl(sandbox, "call", "profile.delete", json.dumps({"id": ada["id"]}), ACCESS_TOKEN="none"),
        profilectl(sandbox, "call", "profile.get", "{}", RABBITMQ_URL=NOWHERE),
        profilectl(sandbox, "status", "--no-such-option"),
    )

    assert [each.code for each in ends] == [1, 6, 1, 7, 2]
    assert ends[0].err.startswith("Not carried out: unauthenticated, invalid_credentials: ")
    assert ends[3].err.count("\n") == 1


async def test_events_are_printed_as_they_come(sandbox: Sandbox, service: Gateway, ada: Person) -> None:
    words = ("events", "tail", "profile.updated", "--count", "1", "--json")
    printing = asyncio.create_task(profilectl(sandbox, *words, RABBITMQ_URL=sandbox.gateway_url))
    number = 0
    while not printing.done():  # it says nothing about when it has begun
        number += 1
        await service.ask("profile.update", {"id": ada["id"], "last_name": f"King {number}"})
    said = await printing

    assert said.code == 0
    assert json.loads(said.out)["type"] == "profile.updated"


async def test_events_end_without_a_word_when_nobody_reads_them_any_more(
    sandbox: Sandbox, service: Gateway, ada: Person
) -> None:
    reading, writing = os.pipe()
    printing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service.cli", "events", "tail"),
        env={**os.environ, "RABBITMQ_URL": sandbox.gateway_url},
        cwd=FOLDER,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    os.close(reading)
    ending = asyncio.create_task(printing.communicate())
    number = 0
    while not ending.done():  # it says nothing about when it has begun
        number += 1
        await service.ask("profile.update", {"id": ada["id"], "last_name": f"Byron {number}"})
    _, said = await ending

    assert (printing.returncode, said) == (1, b"")
