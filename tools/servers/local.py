"""Servers from the programs on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.servers.addresses import Address
from tools.servers.local_mongodb import start_mongodb
from tools.servers.local_rabbitmq import start_rabbitmq
from tools.servers.local_redis import start_redis
from tools.servers.processes import Processes, with_free_ports


@dataclass(frozen=True, slots=True)
class LocalServers:
    """Starts private servers, on ports and with data of their own, beside those that run here already."""

    processes: Processes
    programs: Mapping[str, Path]
    usual_ports: bool = False

    def rabbitmq(self) -> Address:
        """Start RabbitMQ with its management plugin."""
        server = self.programs["rabbitmq-server"]
        return with_free_ports(lambda: start_rabbitmq(self.processes, server, usual_ports=self.usual_ports))

    def mongodb(self) -> Address:
        """Start MongoDB as a replica set of one."""
        return with_free_ports(lambda: start_mongodb(self.processes, self.programs["mongod"]))

    def redis(self) -> Address:
        """Start Redis."""
        return with_free_ports(lambda: start_redis(self.processes, self.programs["redis-server"]))
