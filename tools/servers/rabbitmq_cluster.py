"""Nodes of RabbitMQ that form a cluster by themselves, on this machine."""

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.pkg.management_api import ManagementApi
from tools.servers.errors import ServersUnavailable
from tools.servers.local_rabbitmq import CONFIGURATION, SECONDS_TO_START, node_variables, rabbitmq_overview
from tools.servers.members import Member
from tools.servers.processes import LOOPBACK, Processes, free_port

# Those that are started later look for the first one. A node that sees less than half of the others stops
# working (RabbitMQ documentation, "Clustering and Network Partitions"), and queues spread over the nodes.
CLUSTER_CONFIGURATION = """
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
cluster_partition_handling = pause_minority
queue_leader_locator = balanced
"""
# Unlike the flags of a node on its own: nodes ask an epmd of ours for each other's ports.
ERLANG_FLAGS = "-kernel inet_dist_use_interface {127,0,0,1} +sbwtdio short"


@dataclass(frozen=True, slots=True)
class RabbitNode:
    """Where a node is."""

    name: str
    folder: Path
    port: int
    console_port: int

    @property
    def management_url(self) -> str:
        """Where its console is."""
        return f"http://{LOOPBACK}:{self.console_port}"


def start_rabbitmq_cluster(
    processes: Processes, server: Path, count: int
) -> tuple[list[Member], list[RabbitNode]]:
    """Start *count* nodes, wait until all are one cluster, and return them.

    Raises:
        ServerFailed, ServersUnavailable

    """
    epmd_port = _start_epmd(processes)
    nodes = [_new_node(processes, f"n{number}") for number in range(1, count + 1)]
    _prepare(nodes)
    members = []
    for node in nodes:  # one after the other, for each joins those that are there
        members.append(_start(processes, server, epmd_port, node))
        members[-1].wait(SECONDS_TO_START)
    return members, nodes


def _start_epmd(processes: Processes) -> int:
    """Start the daemon that tells nodes each other's ports: one of ours, that ends with us."""
    epmd = shutil.which("epmd")
    if epmd is None:
        raise ServersUnavailable("Missing here: epmd, which comes with Erlang.")
    port = free_port()
    processes.start("epmd", [epmd, "-port", str(port), "-address", LOOPBACK], processes.new_folder("epmd"))
    return port


def _new_node(processes: Processes, name: str) -> RabbitNode:
    folder = processes.new_folder(f"rabbitmq-{name}")
    return RabbitNode(f"{folder.name}@localhost", folder, free_port(), free_port())


def _prepare(nodes: Sequence[RabbitNode]) -> None:
    cookie = secrets.token_hex(16)
    for node in nodes:
        configuration = CONFIGURATION.format(port=node.port, console_port=node.console_port)
        joining = CLUSTER_CONFIGURATION.format(first=nodes[0].name)
        (node.folder / "rabbitmq.conf").write_text(configuration + joining)
        (node.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        file = node.folder / ".erlang.cookie"
        file.write_text(cookie)
        file.chmod(0o400)


def _start(processes: Processes, server: Path, epmd_port: int, node: RabbitNode) -> Member:
    variables = {
        **node_variables(node.folder, node.name, ERLANG_FLAGS),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_PORT": str(epmd_port),
    }
    launch = partial(processes.start, "rabbitmq", [server], node.folder, **variables)
    management = ManagementApi.of(node.management_url, "amqp://guest:guest@localhost")
    return Member(
        name=f"RabbitMQ {node.name}",
        address=f"{LOOPBACK}:{node.port}",
        launch=launch,
        is_ready=lambda _: rabbitmq_overview(management, node.name) is not None,
        child=launch(),
    )
