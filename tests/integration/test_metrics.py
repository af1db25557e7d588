"""What two workers under one command tell Prometheus of real requests, added up."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.metrics import Scrape, adjacent_ports, read, scraped
from tests.integration.operators import profilectl
from tests.integration.replies import refusal, result
from tests.integration.requests import a_request
from tests.integration.workers import CHEAP_WORKER, isolated_sandbox, working
from tests.observability import expressions, metrics_in, metrics_in_documents
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

COUNT = 2
READS = 20
CALLS = "rpc_server_call_duration_seconds_count"


def named_metrics() -> set[str]:
    """Return the metrics of ours that rules, dashboard and documents name."""
    named = {name for each in expressions() for name in metrics_in(each)} | metrics_in_documents()
    return {name for name in named if ":" not in name and not name.startswith("rabbitmq_")} - {"up"}


@asynccontextmanager
async def two_workers(
    servers: Servers, folder: Path
) -> AsyncIterator[tuple[Sandbox, Gateway, Broker, range]]:
    """Run two workers under one command; give who speaks to them, and the ports that they answer on."""
    with isolated_sandbox(servers) as env:
        ports = adjacent_ports(COUNT)
        # The sender writes when the broker got a message, where the broker does not do it: before 3.12.
        settings = {**settings_for(env), "HEALTH_PORT": str(ports[0]), "BROKER_SETS_TIMESTAMP": "true"}
        command = (*CHEAP_WORKER, "--workers", str(COUNT))
        async with (
            administrating(env) as broker,
            connected(env.service_url, exchange="") as service,
            working(env, folder, settings, module=command) as worker,
        ):

            async def are_ready() -> bool:
                return (await asyncio.to_thread(worker.log.read_text)).count('"event": "ready"') >= COUNT

            await eventually(are_ready)
            yield env, service, broker, ports


async def test_what_happens_to_requests_adds_up_over_all_workers(servers: Servers, tmp_path: Path) -> None:
    async with two_workers(servers, tmp_path) as (env, service, broker, ports):
        person, name = a_request("profile.create"), uuid4().hex
        created = result(await service.ask("profile.create", person, message_id=name))
        repeated = result(await service.ask("profile.create", person, message_id=name))
        reads = [service.ask("profile.get", {"id": created["id"]}) for _ in range(READS)]
        replies = await asyncio.gather(*reads)
        waited = {"timestamp_in_ms": int(time.time() * 1000) - 20_000}
        refused = await service.ask("profile.get", a_request("profile.get"), headers=waited)
        late = {"x-deadline": int(time.time() * 1000) - 60_000}
        expired = await service.ask("profile.get", {"id": created["id"]}, headers=late)
        await service.tell("profile.update", b"no JSON", message_id=uuid4().hex)
        await broker.first("profile.malformed.dlq")

        async def done() -> list[Scrape]:
            found = await scraped(ports)
            is_told = found.total(CALLS, rpc_method="profile.update") == 1
            return [] if not is_told or found.total("profile_messages_in_flight") else [found]

        (found,) = await eventually(done, within=30)
        shares = [(await scraped([port])).total(CALLS, rpc_method="profile.get") for port in ports]
        _, page = await asyncio.to_thread(read, ports[0], "/asyncapi")
        elsewhere = {"http_proxy": "http://127.0.0.1:1"}  # which knows nothing of this machine
        status = await profilectl(env, "status", HEALTH_PORT=str(ports[0]), **elsewhere)

    assert repeated["id"] == created["id"]
    assert all(each["ok"] for each in replies)
    assert refusal(refused) == ("not_found", "profile_not_found")
    assert refusal(expired) == ("deadline_exceeded", "out_of_time")

    def calls(operation: str, code: str) -> float:
        return found.total(CALLS, rpc_method=operation, rpc_response_status_code=code)

    assert calls("profile.create", "ok") == 2
    assert calls("profile.get", "ok") == READS
    assert calls("profile.get", "not_found") == calls("profile.get", "deadline_exceeded") == 1
    assert calls("profile.update", "invalid") == 1
    assert sum(shares) == READS + 2
    assert min(shares) > 0
    assert found.by("profile_messages_total", "queue") >= found.by(CALLS, "rpc_method")
    assert found.by("profile_requests_deduplicated_total", "operation") == {"profile.create": 1}
    assert found.by("profile_requests_expired_total", "operation") == {"profile.get": 1}
    assert found.by("profile_dead_letters_total", "queue") == {"profile.malformed.dlq": 1}
    assert found.by("profile_queue_wait_seconds_count", "operation") == {"profile.get": 1}
    assert 20 <= found.total("profile_queue_wait_seconds_sum") < 50
    assert found.total("profile_ready") == COUNT
    assert found.total("profile_background_up", loop="relay") == COUNT
    assert found.total("profile_event_loop_lag_seconds_count") > 0
    assert found.total("process_cpu_seconds_total") > 0
    assert "AsyncApiStandalone.render" in page
    assert status.code == 0
    # It does so after its first minute.
    assert "looked for what is to be erased" in status.out + status.err
    assert named_metrics() - found.names == set()
