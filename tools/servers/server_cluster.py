"""A cluster of RabbitMQ and a replica set of MongoDB, three members each, and a Redis, on this machine."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tools.servers import Servers
from tools.servers.addresses import Address
from tools.servers.binaries import find_or_install
from tools.servers.environment import Given
from tools.servers.hosts import private_hosts
from tools.servers.local_redis import start_redis
from tools.servers.members import Member
from tools.servers.mongodb_set import start_mongodb_set
from tools.servers.processes import private_processes
from tools.servers.rabbitmq_cluster import RabbitNode, start_rabbitmq_cluster

COUNT = 3

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServerCluster:
    """What there is of it.

    Attributes:
        servers: The addresses; those of RabbitMQ and MongoDB name all members.
        rabbitmq: The nodes of RabbitMQ that we started, which may be disturbed.
        nodes: Where each of them is.
        mongodb: The members of MongoDB that we started.

    """

    servers: Servers
    rabbitmq: list[Member]
    nodes: list[RabbitNode]
    mongodb: list[Member]

    @property
    def members(self) -> list[Member]:
        """All that can be lost without loss."""
        return [*self.rabbitmq, *self.mongodb]


@contextmanager
def running_cluster(report: Report = print, broker: Address | None = None) -> Iterator[ServerCluster]:
    """Start them from this machine's programs; all have ended, and their data is gone, at the end.

    With *broker*, the addresses of a cluster that somebody else runs, RabbitMQ is not started.

    Raises:
        ServersUnavailable, ServerFailed

    """
    began = time.monotonic()
    programs = find_or_install(Given(broker, mongodb=None, redis=None).missing, report)
    with private_hosts(2 * COUNT) as hosts, private_processes() as processes, ThreadPoolExecutor() as pool:
        try:
            rabbitmq = (
                pool.submit(start_rabbitmq_cluster, processes, programs["rabbitmq-server"], hosts[:COUNT])
                if broker is None
                else None
            )
            mongodb = pool.submit(start_mongodb_set, processes, programs["mongod"], hosts[COUNT:])
            redis = pool.submit(start_redis, processes, programs["redis-server"])
            members, nodes = rabbitmq.result() if rabbitmq else ([], [])
            mongo_members, mongo_url = mongodb.result()
            redis_url = redis.result().url
        except BaseException:  # Ctrl-C, too
            processes.stop()  # now: it ends what the other threads wait for
            raise
        given = broker or _address(members, nodes)
        report(f"{given}, {COUNT} members of MongoDB ({time.monotonic() - began:.0f} s)")
        servers = Servers(given.url, given.management_url, mongo_url, redis_url, own_broker=broker is None)
        yield ServerCluster(servers, members, nodes, mongo_members)


def _address(members: Sequence[Member], nodes: Sequence[RabbitNode]) -> Address:
    where = ",".join(each.address for each in members)
    return Address(f"{len(nodes)} nodes of RabbitMQ", f"amqp://guest:guest@{where}", nodes[0].management_url)
