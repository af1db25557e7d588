"""Members of a replica set of MongoDB, on this machine."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tools.servers.hosts import Host
from tools.servers.local_mongodb import SECONDS_TO_START
from tools.servers.members import Member
from tools.servers.processes import Processes, free_port
from tools.servers.waiting import wait_until

_NAME = "rs0"
# What a worker that was killed had begun to write, others wait for: MongoDB's own limit is a minute.
_PARAMETERS = "--setParameter transactionLifetimeLimitSeconds=10"


def start_mongodb_set(processes: Processes, server: Path, hosts: Sequence[Host]) -> tuple[list[Member], str]:
    """Start a member on each of *hosts*, wait for a primary, and return them, and their address as one.

    Raises:
        ServerFailed

    """
    members = [_start(processes, server, number, host) for number, host in enumerate(hosts)]
    for each in members:
        each.wait(SECONDS_TO_START)
    addresses = [each.address for each in members]
    with _client(addresses[0]) as client:
        wanted = [{"_id": number, "host": address} for number, address in enumerate(addresses)]
        client.admin.command("replSetInitiate", {"_id": _NAME, "members": wanted})
    wait_until(lambda: primary_of(members), within=SECONDS_TO_START)
    return members, f"mongodb://{','.join(addresses)}/?replicaSet={_NAME}"


def primary_of(members: list[Member]) -> Member | None:
    """Return the one that writes go to, if there is one just now."""
    return next(
        (each for each in members if each.is_running() and _hello(each).get("isWritablePrimary")), None
    )


def _start(processes: Processes, server: Path, number: int, host: Host) -> Member:
    port, folder = free_port(), processes.new_folder(f"mongodb-{number}")
    options = f"--port {port} --bind_ip {host.address} --replSet {_NAME} --wiredTigerCacheSizeGB 0.25"
    command: list[str | Path] = [server, "--dbpath", folder, *options.split(), *_PARAMETERS.split()]
    command.append("--nounixsocket")
    launch = partial(processes.start, "mongodb", host.command(command), folder)
    address = f"{host.address}:{port}"
    member = Member(f"MongoDB {address}", host, address, launch, lambda _: False, launch())
    member.is_ready = lambda pid: _is_ready(member, pid)
    return member


def _is_ready(member: Member, pid: int) -> bool:
    """Return whether the process answers, and follows the others if it is in a set."""
    facts = _hello(member)
    in_set = facts.get("isWritablePrimary") or facts.get("secondary") or not facts.get("setName")
    return bool(facts and in_set and _pid(member) == pid)


def _hello(member: Member) -> dict[str, Any]:
    with _client(member.address) as client:
        try:
            return dict(client.admin.command("hello"))
        except PyMongoError:
            return {}


def _pid(member: Member) -> int | None:
    with _client(member.address) as client:
        try:
            return int(client.admin.command("serverStatus")["pid"])
        except PyMongoError:
            return None


def _client(address: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(f"mongodb://{address}", directConnection=True, serverSelectionTimeoutMS=1000)
