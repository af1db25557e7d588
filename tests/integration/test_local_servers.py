"""Servers for demo and tests: there when needed, gone afterwards, and nobody else's touched."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from redis import Redis

from service.pkg.management_api import ManagementApi, ManagementError
from tests.at_length import at_length
from tools.servers import ServerFailed, Servers, ServersUnavailable, local_redis, running_servers
from tools.servers.binaries import find_or_install
from tools.servers.local import LocalServers
from tools.servers.processes import MAX_FILES, free_port, private_processes
from tools.servers.sandbox import sandbox as new_sandbox
from tools.servers.waiting import wait_until

ROOT = Path(__file__).parents[2]
GIVEN = ("DEV_RABBITMQ_URL", "DEV_RABBITMQ_MANAGEMENT_URL", "DEV_MONGO_URL", "DEV_REDIS_URL")

STARTS_SERVERS = """
import signal, sys, time
from tools.servers.binaries import find_or_install
from tools.servers.local import LocalServers
from tools.servers.processes import private_processes

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests may pass over it: `make test &`
servers = sys.argv[1].split(",")
programs = find_or_install(["rabbitmq-server", "mongod", "redis-server"], lambda line: None)
with private_processes() as processes:
    for server in servers:
        getattr(LocalServers(processes, programs), server)()
    print(processes.folder, flush=True)
    if sys.stdin.read() == "fail":
        raise ValueError("the body fails")
"""


@pytest.fixture
def redis(servers: Servers) -> Iterator[Redis]:
    """A client of the Redis that all tests share."""
    with Redis.from_url(servers.redis_url) as client:
        yield client


@pytest.fixture
def management(servers: Servers) -> ManagementApi:
    """The management API of the broker that all tests share."""
    return ManagementApi.of(servers.management_url, servers.rabbitmq_url)


@contextmanager
def _started(servers: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start *servers* from a process of their own; give it and the folder of their data."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_SERVERS, servers],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        yield parent, parent.stdout.readline().strip()


def _processes_of(folder: str) -> list[str]:
    """List who works in *folder* or was told of it: servers, their helpers, the guard."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            where = str((process / "cwd").readlink())
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        # Redis writes its title over the rest, so look where it works, too.
        if folder.encode() in command + environment or folder in where:
            found.append(command.decode(errors="replace"))
    return found


def _assert_nothing_is_left(folder: str) -> None:
    wait_until(lambda: not _processes_of(folder) and not Path(folder).exists(), within=5)


def test_the_three_servers_answer(servers: Servers, management: ManagementApi, redis: Redis) -> None:
    """A broker with its console, a replica set's primary and a Redis are there."""
    with MongoClient[dict[str, Any]](servers.mongo_url) as mongo:
        hello = mongo.admin.command("hello")

    assert management.get("overview")["rabbitmq_version"]
    assert hello["isWritablePrimary"]
    assert hello["setName"] == "rs0"
    assert redis.ping()


def test_kill_minus_nine_leaves_nothing_behind() -> None:
    """All three end with us even if we cannot say so, beside the servers of other runs."""
    with _started("rabbitmq,mongodb,redis") as (parent, folder):
        before = _processes_of(folder)
        parent.kill()

    for program in ("beam.smp", "mongod", "redis-server", "profile-servers-guard"):
        assert any(program in command for command in before)
    _assert_nothing_is_left(folder)


def test_a_server_may_open_more_files_than_the_shell_lets_us() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        with private_processes() as processes:
            child = processes.start("limit", ["/bin/sh", "-c", "ulimit -Sn"], processes.new_folder("limit"))
            assert child.process.wait(10) == 0
            said = child.log.read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert int(said) == (MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES))


@pytest.mark.parametrize("number", [signal.SIGINT, *at_length(signal.SIGTERM, signal.SIGHUP)])
def test_a_signal_leaves_nothing_behind(number: signal.Signals) -> None:
    """Ctrl-C, `kill` and a closed terminal end the servers with us."""
    with _started("mongodb,redis") as (parent, folder):
        parent.send_signal(number)

    assert parent.returncode == -number
    _assert_nothing_is_left(folder)


@pytest.mark.parametrize(("body", "status"), [("return", 0), ("fail", 1)])
def test_the_end_of_the_block_leaves_nothing_behind(body: str, status: int) -> None:
    """When the block is left, by an exception or not, the servers have ended already."""
    with _started("mongodb,redis") as (parent, folder):
        parent.communicate(body)

    assert parent.returncode == status
    assert not _processes_of(folder)
    assert not Path(folder).exists()


def test_a_server_that_does_not_start_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error quotes the server's log, and nobody waits for the others' start."""
    programs = find_or_install(["mongod"], print) | {
        "rabbitmq-server": _script(tmp_path / "rabbitmq-server", "sleep 1000"),
        "redis-server": _script(tmp_path / "redis-server", "sleep 1; echo Out of luck; exit 1"),
    }
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEV_SERVERS", "local")
    monkeypatch.setattr("tools.servers.find_or_install", lambda *_: programs)
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    with (
        pytest.raises(ServerFailed, match=r"redis ended while starting.*\n.*Out of luck"),
        running_servers(print),
    ):
        pass

    assert not _processes_of(str(folder))
    assert not list(folder.iterdir())


def _script(path: Path, line: str) -> Path:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def test_a_port_that_somebody_took_is_replaced(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Losing the race for a port costs a second attempt, and never gives somebody else's server."""
    taken = int(servers.redis_url.rpartition(":")[2].partition("/")[0])
    ports = [free_port(), taken]
    monkeypatch.setattr(local_redis, "free_port", ports.pop)
    programs = find_or_install(["redis-server"], print)

    with private_processes() as processes:
        address = LocalServers(processes, programs).redis()
        processes.check()  # the first attempt has ended, and is nobody's server

    assert not ports
    assert str(taken) not in address.url


def test_servers_of_the_environment_are_used_and_left_alone(
    servers: Servers, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `DEV_*_URL` names is neither started nor stopped, and no credentials are shown."""
    urls = (servers.rabbitmq_url, servers.management_url, servers.mongo_url, servers.redis_url)
    for name, url in zip(GIVEN, urls, strict=True):
        monkeypatch.setenv(name, url)
    told: list[str] = []

    with running_servers(told.append) as given:
        pass

    assert given == servers
    assert redis.ping()
    assert "RabbitMQ of DEV_RABBITMQ_URL" in "\n".join(told)
    assert "guest" not in "\n".join(told)


def test_half_a_broker_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker without its management API would fail much later, and less clearly."""
    monkeypatch.setenv("DEV_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672")
    monkeypatch.delenv("DEV_RABBITMQ_MANAGEMENT_URL", raising=False)

    both = "Set both DEV_RABBITMQ_URL and DEV_RABBITMQ_MANAGEMENT_URL"
    with pytest.raises(ServersUnavailable, match=both), running_servers():
        pass


def test_an_unknown_source_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in DEV_SERVERS must not quietly take another source."""
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEV_SERVERS", "dokcer")

    with pytest.raises(ServersUnavailable, match="not `dokcer`"), running_servers():
        pass


DURABLE = {"vhost": "/", "durable": True, "auto_delete": False}
DEFINITIONS: dict[str, Any] = {
    "rabbit_version": "3.10.8",
    "users": [
        {"name": "profile-service", "password_hash": "unused", "tags": ""},
        {"name": "gateway", "password_hash": "unused", "tags": []},
    ],
    "permissions": [{"user": "gateway", "vhost": "/", "configure": "", "write": "^profile", "read": ""}],
    "exchanges": [
        {"name": "profile.commands", "type": "direct", "internal": False, "arguments": {}} | DURABLE
    ],
    "queues": [{"name": "profile.create", "arguments": {"x-queue-type": "quorum"}} | DURABLE],
    "bindings": [
        {
            "source": "profile.commands",
            "vhost": "/",
            "destination": "profile.create",
            "destination_type": "queue",
            "routing_key": "profile.create",
            "arguments": {},
        }
    ],
    "policies": [
        {
            "name": "limits",
            "vhost": "/",
            "pattern": "^profile",
            "apply-to": "queues",
            "priority": 0,
            "definition": {"max-length": 1000},
        }
    ],
}


def test_a_sandbox_is_made_from_the_definitions(servers: Servers, management: ManagementApi) -> None:
    """Queues, bindings, policies and permissions are in the virtual host, and nothing is in the default."""
    with new_sandbox(servers, DEFINITIONS) as env:
        rules = management.get("vhosts", env.vhost, "permissions")
        queue = management.get("queues", env.vhost, "profile.create")
        policies = [policy["name"] for policy in management.get("policies", env.vhost)]
        bound = management.get("exchanges", env.vhost, "profile.commands", "bindings", "source")

        assert {rule["user"]: rule["write"] for rule in rules} == {"guest": ".*", "gateway": "^profile"}
        assert queue["type"] == "quorum"
        assert policies == ["limits"]
        assert [binding["destination"] for binding in bound] == ["profile.create"]
        assert env.gateway_url.startswith("amqp://gateway:gateway@127.0.0.1:")
        assert env.gateway_url.endswith(f"/{env.vhost}")
    with pytest.raises(ManagementError, match="404"):
        management.get("queues", "/", "profile.create")


def test_a_sandbox_leaves_nothing_behind(servers: Servers, management: ManagementApi) -> None:
    """The virtual host and both databases are gone, even after a failure inside."""

    def fail_inside() -> None:
        with new_sandbox(servers, DEFINITIONS) as env, MongoClient[dict[str, Any]](env.mongo_url) as mongo:
            mongo.get_default_database()["things"].insert_one({})
            with Redis.from_url(env.redis_url) as ours:
                ours.set("key", "value")
            made.append(env.vhost)
            raise InterruptedError

    made: list[str] = []
    with pytest.raises(InterruptedError):
        fail_inside()

    with MongoClient[dict[str, Any]](servers.mongo_url) as mongo:
        assert made[0] not in mongo.list_database_names()
    assert made[0] not in [vhost["name"] for vhost in management.get("vhosts")]


def test_two_sandboxes_share_no_redis_database(servers: Servers) -> None:
    """Flushing one sandbox's cache must not flush another's."""
    with new_sandbox(servers, DEFINITIONS) as one, new_sandbox(servers, DEFINITIONS) as other:
        assert one.redis_url != other.redis_url


def test_a_user_with_a_password_of_its_own_is_not_overwritten(
    servers: Servers, management: ManagementApi
) -> None:
    """Named by mistake, a production broker keeps its users."""
    management.put("users", "somebody", body={"password": "a secret", "tags": ""})
    before = management.get("users", "somebody")

    theirs = {"users": [{"name": "somebody", "tags": ""}]}
    with pytest.raises(ServersUnavailable, match="a user somebody with a"), new_sandbox(servers, theirs):
        pass

    assert management.get("users", "somebody") == before
    management.delete("users", "somebody")
