"""Nodes of RabbitMQ that form a cluster by themselves, on this machine."""

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.pkg.management_api import ManagementApi
from tools.servers.errors import ServersUnavailable
from tools.servers.hosts import Host
from tools.servers.local_rabbitmq import CONFIGURATION, SECONDS_TO_START, node_variables, rabbitmq_overview
from tools.servers.members import Member
from tools.servers.processes import Processes, free_port

# Those that are started later look for the first one. A node that sees less than half of the others stops
# working (RabbitMQ documentation, "Clustering and Network Partitions"), and queues spread over the nodes. One
# that says nothing is taken for dead after 22 to 38 seconds ("Net Tick Time"): until then, nobody can begin
# to consume from the queues that it leads, nor bind any. By default that is up to 75 seconds. With 15, nodes
# that were suspended for as long came back into a cluster that stayed in parts.
CLUSTER_CONFIGURATION = """
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
cluster_partition_handling = pause_minority
queue_leader_locator = balanced
net_ticktime = 30
"""
# Unlike the flags of a node on its own: nodes ask an epmd of ours for each other's ports.
ERLANG_FLAGS = "-kernel inet_dist_use_interface {{{address}}} +sbwtdio short"
# The user guest may come from other hosts: here these are all of this machine.
FROM_OTHER_HOSTS = "loopback_users = none\n"


@dataclass(frozen=True, slots=True)
class RabbitNode:
    """Where a node is."""

    name: str
    folder: Path
    host: Host
    port: int
    console_port: int

    @property
    def management_url(self) -> str:
        """Where its console is."""
        return f"http://{self.host.address}:{self.console_port}"


def start_rabbitmq_cluster(
    processes: Processes, server: Path, hosts: Sequence[Host]
) -> tuple[list[Member], list[RabbitNode]]:
    """Start a node on each of *hosts*, wait until all are one cluster, and return them.

    Raises:
        ServerFailed, ServersUnavailable

    """
    epmd_port = _start_epmd(processes, set(hosts))
    nodes = [_new_node(processes, f"n{number}", host) for number, host in enumerate(hosts, 1)]
    _prepare(nodes)
    members = []
    for node in nodes:  # one after the other, for each joins those that are there
        members.append(_start(processes, server, epmd_port, node))
        members[-1].wait(SECONDS_TO_START)
    return members, nodes


def _start_epmd(processes: Processes, hosts: set[Host]) -> int:
    """Start the daemon that tells nodes each other's ports, one for each host: ours, which end with us."""
    epmd = shutil.which("epmd")
    if epmd is None:
        raise ServersUnavailable("Missing here: epmd, which comes with Erlang.")
    port = free_port()
    for host in hosts:
        command = host.command([epmd, "-port", str(port), "-address", host.address])
        processes.start("epmd", command, processes.new_folder("epmd"))
    return port


def _new_node(processes: Processes, name: str, host: Host) -> RabbitNode:
    folder = processes.new_folder(f"rabbitmq-{name}")
    where = host.address if host.namespace else "localhost"
    return RabbitNode(f"{folder.name}@{where}", folder, host, free_port(), free_port())


def _prepare(nodes: Sequence[RabbitNode]) -> None:
    cookie = secrets.token_hex(16)
    for node in nodes:
        configuration = CONFIGURATION.format(
            address=node.host.address, port=node.port, console_port=node.console_port
        )
        joining = CLUSTER_CONFIGURATION.format(first=nodes[0].name)
        guests = FROM_OTHER_HOSTS if node.host.namespace else ""
        (node.folder / "rabbitmq.conf").write_text(configuration + joining + guests)
        (node.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        file = node.folder / ".erlang.cookie"
        file.write_text(cookie)
        file.chmod(0o400)


def _start(processes: Processes, server: Path, epmd_port: int, node: RabbitNode) -> Member:
    flags = ERLANG_FLAGS.format(address=node.host.address.replace(".", ","))
    variables = {
        **node_variables(node.folder, node.name, flags),
        "RABBITMQ_USE_LONGNAME": "true" if node.host.namespace else "false",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_PORT": str(epmd_port),
    }
    launch = partial(processes.start, "rabbitmq", node.host.command([server]), node.folder, **variables)
    management = ManagementApi.of(node.management_url, "amqp://guest:guest@localhost")
    return Member(
        name=f"RabbitMQ {node.name}",
        host=node.host,
        address=f"{node.host.address}:{node.port}",
        launch=launch,
        is_ready=lambda _: rabbitmq_overview(management, node.name) is not None,
        child=launch(),
    )
