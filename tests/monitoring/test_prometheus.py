"""A Prometheus that runs by `deploy/prometheus` watches a worker: each panel and alert finds its numbers."""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tests.integration.broker import administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.replies import result
from tests.integration.requests import a_request
from tests.integration.workers import working
from tests.monitoring.prometheus import Prometheus, prometheus
from tests.observability import expressions, rules
from tools.servers import Servers
from tools.servers.binaries import find_or_install
from tools.servers.local_rabbitmq import start_rabbitmq
from tools.servers.processes import Processes, free_port, private_processes
from tools.servers.sandbox import Sandbox, sandbox

# What a query compares its numbers with.
COMPARED = re.compile(r" (?:[=!<>]=|[<>]) [\d.]+")
# They look for what a worker that is well does not have; there is no number to see.
ABSENT = re.compile(r"absent\((.*)\)")
# What `use` brings about.
USED = {"ProfileDeadLetters", "ProfileRequestsExpire"}


def without_comparison(expression: str) -> str:
    """Return what *expression* looks at, whether it is too much or not."""
    return COMPARED.sub("", ABSENT.sub(r"\1", expression))


@contextmanager
def watched(servers: Servers) -> Iterator[tuple[Processes, Sandbox, int]]:
    """Give a corner on a broker of its own, and the port on which that tells Prometheus."""
    with private_processes() as processes:
        program = find_or_install(["rabbitmq-server"], print)["rabbitmq-server"]
        port = free_port()
        broker = start_rabbitmq(processes, program, metrics_port=port)
        own = replace(servers, rabbitmq_url=broker.url, management_url=broker.management_url)
        with sandbox(own, definitions(topology())) as corner:
            yield processes, corner, port


async def use(service: Gateway) -> None:
    """Have one of each kind of thing happen."""
    name = uuid4().hex
    person = a_request("profile.create")
    created = result(await service.ask("profile.create", person, message_id=name))
    result(await service.ask("profile.create", person, message_id=name))
    login = {"email": person["email"], "password": person["password"]}
    result(await service.ask("auth.login", login))
    waited = {"timestamp_in_ms": int(time.time() * 1000) - 1_000}
    late = {"x-deadline": int(time.time() * 1000) - 60_000}
    for headers in ({}, waited, late):
        await service.ask("profile.get", {"id": created["id"]}, headers=headers)
    await service.tell("profile.update", b"no JSON", message_id=uuid4().hex)


async def lacking(watching: Prometheus) -> list[str]:
    """Return the queries that find nothing."""
    queries = {without_comparison(each) for each in expressions()}
    found = await asyncio.gather(*(asyncio.to_thread(watching.query, each) for each in queries))
    return [query for query, samples in zip(queries, found, strict=True) if not samples]


async def test_every_query_of_panels_and_alerts_finds_its_numbers(servers: Servers, tmp_path: Path) -> None:
    with watched(servers) as (processes, corner, metrics_port):
        port = free_port()
        settings = {**settings_for(corner), "HEALTH_PORT": str(port), "BROKER_SETS_TIMESTAMP": "true"}
        targets = {"worker:8080": f"127.0.0.1:{port}", "rabbitmq:15692": f"127.0.0.1:{metrics_port}"}
        async with (
            administrating(corner) as broker,
            connected(corner.service_url, exchange="") as service,
            working(corner, tmp_path, settings),
        ):
            with prometheus(processes, targets) as watching:
                await use(service)  # a series has to be there before it grows
                await broker.first("profile.malformed.dlq")

                async def all_found() -> bool:
                    await use(service)
                    return not await lacking(watching)

                await eventually(all_found)
                told = await asyncio.to_thread(watching.get, "rules")
                dead = await asyncio.to_thread(
                    watching.query, "sum by (queue) (increase(profile_dead_letters_total[15m])) > 0"
                )

    seen = [rule for group in told["groups"] for rule in group["rules"]]
    assert len(seen) == len(rules())
    assert [rule["name"] for rule in seen if rule["health"] != "ok"] == []
    active = {rule["name"] for rule in seen if rule.get("state") in {"pending", "firing"}}
    assert active <= {*USED, "ProfileDeadLettersWaiting"}
    assert active >= USED
    assert [each["metric"]["queue"] for each in dead] == ["profile.malformed.dlq"]
