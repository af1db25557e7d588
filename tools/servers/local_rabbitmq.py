"""A RabbitMQ node of our own, beside whatever nodes the machine runs already."""

import secrets
from http.client import HTTPException
from pathlib import Path
from typing import Any

from service.pkg.management_api import ManagementApi, ManagementError
from tools.servers.addresses import Address
from tools.servers.processes import LOOPBACK, Processes, free_port, is_free

SECONDS_TO_START = 90

CONFIGURATION = """
listeners.tcp.1 = {address}:{port}
management.tcp.ip = {address}
management.tcp.port = {console_port}
disk_free_limit.absolute = 50MB
# As in deploy/rabbitmq/rabbitmq.conf.
max_message_size = 1048576
# Counts in the console and in tests are at most a second old.
collect_statistics_interval = 1000
"""

METRICS = """
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {port}
"""

# No epmd, the daemon that tells nodes each other's ports: Erlang would start one that outlives us. This node
# is told its port; and as it has a name already, RabbitMQ does not start a second Erlang to wake epmd.
# `+sbwtdio short`: threads that serve files spin for a moment before they sleep. Starting up looks for so
# many small files that this halves its time (10 s became 5 s, two cores); idle, a node uses no more.
ERLANG_FLAGS = (
    "-sname {node} -start_epmd false -erl_epmd_port {port} "
    "-kernel inet_dist_use_interface {{127,0,0,1}} +sbwtdio short"
)

# Every minute, a node wakes epmd by a short Erlang that it starts for that (`rabbit_epmd_monitor`). These let
# that one end without having started the daemon, and without a dump: nobody needs epmd.
WITHOUT_EPMD = {"ERL_ZFLAGS": "-start_epmd false", "ERL_CRASH_DUMP_SECONDS": "0"}

# Where clients and browsers look for RabbitMQ.
USUAL_PORT, USUAL_CONSOLE_PORT = 5672, 15672


def start_rabbitmq(
    processes: Processes, server: Path, *, usual_ports: bool = False, metrics_port: int = 0
) -> Address:
    """Start *server* with the management plugin, and wait until it listens for clients.

    With *usual_ports*, it takes those of the two that are free. On a *metrics_port* it answers Prometheus.
    """
    port, console_port = (
        usual if usual_ports and is_free(usual) else free_port() for usual in (USUAL_PORT, USUAL_CONSOLE_PORT)
    )
    folder = processes.new_folder("rabbitmq")
    node = f"{folder.name}@localhost"
    plugins = "rabbitmq_management"
    configuration = CONFIGURATION.format(address=LOOPBACK, port=port, console_port=console_port)
    if metrics_port:
        plugins += ", rabbitmq_prometheus"
        configuration += METRICS.format(port=metrics_port)
    (folder / "enabled_plugins").write_text(f"[{plugins}].\n")
    (folder / "rabbitmq.conf").write_text(configuration)
    # Whoever knows it may run code as us: in a file of ours, not on a command line that all users see.
    cookie = folder / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    flags = ERLANG_FLAGS.format(node=node, port=free_port())
    variables = node_variables(folder, node, flags) | WITHOUT_EPMD
    child = processes.start("rabbitmq", [server], folder, **variables)
    url, management_url = f"amqp://guest:guest@127.0.0.1:{port}", f"http://127.0.0.1:{console_port}"
    management = ManagementApi.of(management_url, url)
    overview = child.wait_until(lambda: rabbitmq_overview(management, node), within=SECONDS_TO_START)
    return Address(f"RabbitMQ {overview['rabbitmq_version']}", url, management_url)


def node_variables(folder: Path, node: str, flags: str) -> dict[str, str]:
    """Return the environment of a *node* with its data in *folder* and *flags* for Erlang."""
    return {
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": flags,
        # As under systemd, the script becomes Erlang instead of waiting for it: our child is the server.
        "RUNNING_UNDER_SYSTEMD": "true",
        # Nothing of a node that the machine may have: by default, /etc/rabbitmq holds these three.
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
    }


def rabbitmq_overview(management: ManagementApi, node: str | None = None) -> dict[str, Any] | None:
    """Return what the broker tells about itself once it listens for clients.

    With *node*, another one does not count. Nor does a port that accepts: another program may have it.
    """
    try:
        overview: dict[str, Any] = management.get("overview")
    except (OSError, HTTPException, ManagementError, ValueError):
        return None
    listening = any(listener["protocol"] == "amqp" for listener in overview["listeners"])
    return overview if listening and node in (None, overview["node"]) else None
