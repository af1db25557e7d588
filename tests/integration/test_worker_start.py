"""What a worker says when it cannot start, and how it ends then."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from service.infrastructure.security.keys import new_key
from service.pkg.management_api import ManagementApi
from tests.forking import run
from tests.integration.workers import WORKER, running_worker
from tools.servers import Servers
from tools.servers.binaries import find
from tools.servers.processes import free_port, private_processes
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox

USAGE, FAILED = 2, 1


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signing key."""
    return new_key(tmp_path_factory.mktemp("start") / "keys", datetime.now(UTC)).parent


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def _environment(sandbox: Sandbox, keys: Path, **changes: str) -> dict[str, str]:
    """Return the environment of a worker that does not wait for servers."""
    usual = {
        "RABBITMQ_URL": sandbox.service_url,
        "MONGO_URL": sandbox.mongo_url,
        "SIGNING_KEYS_DIR": str(keys),
        "STARTUP_SECONDS": "0",
    }
    return {**os.environ, **usual, **changes}


def _start(sandbox: Sandbox, keys: Path, **changes: str) -> tuple[int, str, float]:
    """Run a worker that has to fail; return its exit code, what it said, and how long that took."""
    started = time.monotonic()
    ended = run(WORKER, _environment(sandbox, keys, **changes), within=120)
    return ended.returncode, ended.stdout + ended.stderr, time.monotonic() - started


def _is_a_sentence(said: str, *words: str) -> None:
    """Check that *said* is a line or two for people, with no traceback and no secret."""
    assert all(word in said for word in words), said
    assert "Traceback" not in said
    assert "Error(" not in said
    assert len(said) < 500
    assert "hunter2" not in said


def test_without_signing_keys_it_says_how_to_make_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """This one starts from nothing, the others where all is imported."""
    ended = subprocess.run(
        [sys.executable, "-m", *WORKER],
        env=_environment(sandbox, tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == USAGE
    _is_a_sentence(ended.stdout + ended.stderr, "No signing key in", "profilectl keys new")


def test_a_key_that_is_none_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "one.pem").touch(mode=0o600)
    (tmp_path / "one.pem").write_text("hunter2")
    code, said, _ = _start(sandbox, tmp_path)

    assert code == USAGE
    _is_a_sentence(said, "one.pem", "not an unencrypted Ed25519 private key")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RABBITMQ_URL", "http://guest:hunter2@localhost"),
        ("TRUSTED_SERVICES", "hunter2"),
    ],
)
def test_a_setting_that_is_wrong_is_named(sandbox: Sandbox, keys: Path, variable: str, value: str) -> None:
    code, said, _ = _start(sandbox, keys, **{variable: value})

    assert code == USAGE
    _is_a_sentence(said.upper(), variable)
    assert "hunter2" not in said


def test_an_unreachable_broker_is_said_when_its_time_is_over(
    sandbox: Sandbox, keys: Path, nobody: int
) -> None:
    url = f"amqp://service:hunter2@127.0.0.1:{nobody}/x"
    code, said, seconds = _start(sandbox, keys, RABBITMQ_URL=url)

    assert code == FAILED
    _is_a_sentence(said, "Cannot run: RabbitMQ:", f"('127.0.0.1', {nobody})")
    assert seconds < 45  # of which two or three are its imports, many times that on a busy machine


def test_an_address_is_read_from_its_file(sandbox: Sandbox, keys: Path, nobody: int, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"amqp://service:hunter2@127.0.0.1:{nobody}/x\n")
    changes = {"RABBITMQ_URL": "", "RABBITMQ_URL_FILE": str(file), "STARTUP_SECONDS": "0"}
    code, said, _ = _start(sandbox, keys, **changes)

    assert code == FAILED
    _is_a_sentence(said, "Cannot run: RabbitMQ:", f"('127.0.0.1', {nobody})")


def test_an_address_and_a_file_of_it_are_refused(sandbox: Sandbox, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("amqp://service:hunter2@127.0.0.1/x")
    code, said, _ = _start(sandbox, keys, RABBITMQ_URL_FILE=str(tmp_path / "url"))

    assert code == USAGE
    _is_a_sentence(said, "RABBITMQ_URL and RABBITMQ_URL_FILE are both set.")


def test_a_wrong_password_is_said_and_not_shown(sandbox: Sandbox, keys: Path) -> None:
    parts = urlsplit(sandbox.service_url)
    url = parts._replace(netloc=f"profile-service:hunter2@{parts.hostname}:{parts.port}").geturl()
    code, said, _ = _start(sandbox, keys, RABBITMQ_URL=url)

    assert code == FAILED
    _is_a_sentence(said, "Cannot run: RabbitMQ:", "ACCESS_REFUSED")


def test_a_missing_virtual_host_is_said(sandbox: Sandbox, keys: Path) -> None:
    code, said, _ = _start(sandbox, keys, RABBITMQ_URL=sandbox.service_url + "-missing")

    assert code == FAILED
    _is_a_sentence(said, "Cannot run: RabbitMQ", "virtual host")


def test_an_unreachable_mongodb_is_said_in_time(sandbox: Sandbox, keys: Path, nobody: int) -> None:
    url = f"mongodb://service:hunter2@127.0.0.1:{nobody}/x?directConnection=true"
    code, said, seconds = _start(sandbox, keys, MONGO_URL=url)

    assert code == FAILED
    _is_a_sentence(said, "Cannot run: MongoDB:", f"127.0.0.1:{nobody}")
    assert seconds < 45  # of which two or three are its imports, many times that on a busy machine


def test_a_mongodb_that_is_no_replica_set_is_said(sandbox: Sandbox, keys: Path) -> None:
    with private_processes() as processes:
        folder, port = processes.new_folder("mongodb"), free_port()
        server = find("mongod")
        assert server, "the tests of other files need it, too"
        options = f"--dbpath {folder} --port {port} --bind_ip 127.0.0.1 --nounixsocket"
        processes.start("mongodb", [server, *options.split()], folder)
        url = f"mongodb://127.0.0.1:{port}/profiles"
        code, said, _ = _start(sandbox, keys, MONGO_URL=url, STARTUP_SECONDS="20")

    assert code == FAILED
    sentence = "MongoDB runs as a single server: start it with --replSet, and initiate the replica set once."
    assert f"Cannot run: {sentence}" in said.replace("\n", " ")
    assert "Traceback" not in said


@pytest.mark.at_length
def test_an_index_that_differs_is_said(servers: Servers, keys: Path) -> None:
    with new_sandbox(servers, definitions(topology())) as sandbox:
        with MongoClient[dict[str, object]](sandbox.mongo_url) as client:
            client.get_default_database()["profiles"].create_index("email_key", name="email_key")
        code, said, _ = _start(sandbox, keys)

    assert code == FAILED
    _is_a_sentence(said, "Cannot run", "The index email_key of profiles has to be")


@pytest.mark.at_length
def test_a_queue_of_another_type_is_said(servers: Servers, keys: Path) -> None:
    changed = deepcopy(definitions(topology()))
    queue = next(each for each in changed["queues"] if each["name"] == "profile.create")
    queue["arguments"]["x-queue-type"] = "classic"
    with new_sandbox(servers, changed) as sandbox:
        code, said, _ = _start(sandbox, keys)

    assert code == FAILED
    _is_a_sentence(said, "Cannot run: RabbitMQ:", "profile.create", "quorum", "classic", "x-queue-type")


def test_topology_is_made_where_there_is_none_and_declaring_it_again_changes_nothing(
    servers: Servers, tmp_path: Path
) -> None:
    bare = {key: value for key, value in definitions(topology()).items() if key in ("users", "permissions")}
    with new_sandbox(servers, bare) as sandbox:
        with running_worker(sandbox, tmp_path, {"BCRYPT_COST": "10"}, "first"):
            first = _names(sandbox)
        with running_worker(sandbox, tmp_path, {"BCRYPT_COST": "10"}, "second"):
            second = _names(sandbox)

    wanted = definitions(topology())
    assert first == second
    assert first["queues"] == {(each["name"], each["arguments"]["x-queue-type"]) for each in wanted["queues"]}
    assert first["exchanges"] >= {(each["name"], each["type"]) for each in wanted["exchanges"]}
    assert first["bindings"] >= {(each["source"], each["routing_key"]) for each in wanted["bindings"]}


def _names(sandbox: Sandbox) -> dict[str, set[tuple[str, str]]]:
    """Return what stands in the virtual host of *sandbox*."""
    management = ManagementApi.of(sandbox.management_url, sandbox.admin_url)
    return {
        "queues": {
            (each["name"], each["type"])
            for each in management.get("queues", sandbox.vhost)
            if not each["name"].startswith("profile.probe.")  # which workers send to themselves
        },
        "exchanges": {(each["name"], each["type"]) for each in management.get("exchanges", sandbox.vhost)},
        "bindings": {
            (each["source"], each["routing_key"])
            for each in management.get("bindings", sandbox.vhost)
            if each["source"]
        },
    }
