"""A MongoDB replica set of one member, ours alone."""

from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tools.servers.addresses import Address
from tools.servers.processes import Processes, free_port

SECONDS_TO_START = 60
ALREADY_INITIALIZED = 23


def start_mongodb(processes: Processes, server: Path) -> Address:
    """Start *server* and wait until it is the primary of its replica set."""
    port = free_port()
    folder = processes.new_folder("mongodb")
    options = f"--port {port} --bind_ip 127.0.0.1 --replSet rs0 --wiredTigerCacheSizeGB 0.25 --nounixsocket"
    child = processes.start("mongodb", [server, "--dbpath", folder, *options.split()], folder)
    member = f"127.0.0.1:{port}"
    version = child.wait_until(
        lambda: primary_version(f"mongodb://{member}", member, child.process.pid), within=SECONDS_TO_START
    )
    return Address(f"MongoDB {version}", f"mongodb://{member}/?replicaSet=rs0")


def primary_version(url: str, member: str, pid: int | None = None) -> str | None:
    """Return the version once there is a primary at *url*, after making a replica set of *member* alone.

    With *pid*, a server of another process does not count: it has our port, and ours is about to say so.
    """
    client: MongoClient[dict[str, Any]] = MongoClient(
        url, directConnection=True, serverSelectionTimeoutMS=1000
    )
    with client:
        try:
            if pid not in (None, client.admin.command("serverStatus")["pid"]):
                return None
            _make_replica_set(client, member)
            if client.admin.command("hello")["isWritablePrimary"]:
                return str(client.server_info()["version"])
        except PyMongoError:
            return None
    return None


def _make_replica_set(client: MongoClient[dict[str, Any]], member: str) -> None:
    try:
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": member}]})
    except OperationFailure as refusal:
        if refusal.code != ALREADY_INITIALIZED:
            raise
