"""A cluster of RabbitMQ and a replica set of MongoDB, three members each, and a Redis, on this machine."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tools.servers import Servers
from tools.servers.binaries import find_or_install
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
        nodes: Where each node of RabbitMQ is.

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
def running_cluster(report: Report = print) -> Iterator[ServerCluster]:
    """Start them from this machine's programs; all have ended, and their data is gone, at the end.

    Raises:
        ServersUnavailable, ServerFailed

    """
    began = time.monotonic()
    programs = find_or_install(["rabbitmq-server", "mongod", "redis-server"], report)
    with private_hosts(2 * COUNT) as hosts, private_processes() as processes, ThreadPoolExecutor() as pool:
        try:
            brokers = pool.submit(
                start_rabbitmq_cluster, processes, programs["rabbitmq-server"], hosts[:COUNT]
            )
            databases = pool.submit(start_mongodb_set, processes, programs["mongod"], hosts[COUNT:])
            redis = pool.submit(start_redis, processes, programs["redis-server"])
            (rabbitmq, nodes), (mongodb, mongo_url) = brokers.result(), databases.result()
            redis_url = redis.result().url
        except BaseException:  # Ctrl-C, too
            processes.stop()  # now: it ends what the other threads wait for
            raise
        report(f"{COUNT} nodes of RabbitMQ, {COUNT} members of MongoDB ({time.monotonic() - began:.0f} s)")
        addresses = ",".join(each.address for each in rabbitmq)
        servers = Servers(
            f"amqp://guest:guest@{addresses}",
            nodes[0].management_url,
            mongo_url,
            redis_url,
            own_broker=True,
        )
        yield ServerCluster(servers, rabbitmq, nodes, mongodb)
