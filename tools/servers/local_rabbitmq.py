"""A RabbitMQ node of our own, beside whatever nodes the machine runs already."""

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.servers.management import Management, ManagementError
from tools.servers.processes import Processes, free_port

SECONDS_TO_START = 90

CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {console_port}
disk_free_limit.absolute = 50MB
# Counts in the console and in tests are at most a second old.
collect_statistics_interval = 1000
"""

# The node is told its port for other nodes instead of asking epmd, the daemon which Erlang would start for that and
# which would outlive us. RabbitMQ starts a second virtual machine only to wake that daemon, unless the node has its
# name already: so this also saves time.
ERLANG_FLAGS = (
    "-sname {node} -setcookie {cookie} -start_epmd false -erl_epmd_port {port} "
    "-kernel inet_dist_use_interface {{127,0,0,1}}"
)


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """Where a broker is."""

    url: str
    management_url: str
    version: str


def start_rabbitmq(processes: Processes, server: Path) -> RabbitMQ:
    """Start *server* with the management plugin, and wait until both of its ports answer."""
    port, console_port = free_port(), free_port()
    folder = processes.new_folder("rabbitmq")
    node = f"{folder.name}@localhost"
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=port, console_port=console_port))
    child = processes.start("rabbitmq", [server], folder, **_variables(folder, node))
    url, management_url = f"amqp://guest:guest@127.0.0.1:{port}", f"http://127.0.0.1:{console_port}"
    management = Management.of(management_url, url)
    overview = child.wait_until(lambda: rabbitmq_overview(management, port, node), within=SECONDS_TO_START)
    return RabbitMQ(url, management_url, overview["rabbitmq_version"])


def _variables(folder: Path, node: str) -> dict[str, str]:
    flags = ERLANG_FLAGS.format(node=node, cookie=secrets.token_hex(16), port=free_port())
    return {
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": flags,
        # Nothing of a node that the machine may have: these three would be read from /etc/rabbitmq.
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
    }


def rabbitmq_overview(management: Management, port: int, node: str | None = None) -> dict[str, Any] | None:
    """Return what the broker tells about itself once it takes connections; *node*: only if it is that one."""
    try:
        overview: dict[str, Any] = management.get("overview")
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (OSError, ManagementError, ValueError):
        return None
    return overview if node in (None, overview["node"]) else None
