"""The queues as RabbitMQ's console shows them."""

from typing import Any, Final

from rich.box import SIMPLE
from rich.table import Table

from profile_contracts.operations import OPERATIONS
from tools.servers.management import Management
from tools.servers.sandbox import Sandbox
from tools.servers.waiting import wait_until

_SERVED: Final = frozenset(operation.queue for operation in OPERATIONS)
_COUNTS: Final = {
    "consumers": "consumers",
    "messages_ready": "ready",
    "messages_unacknowledged": "unacked",
}
_RATES: Final = {"publish": "in", "deliver_get": "delivered"}


def queue_table(box: Sandbox) -> Table:
    """Return a table of the queues of *box*, once the console has counted what was sent."""
    queues = wait_until(lambda: _counted(box), within=20)
    table = Table("queue", "type", title=f"Queues in {box.vhost}", title_justify="left", box=SIMPLE)
    for title in (*_COUNTS.values(), *_RATES.values()):
        table.add_column(title, justify="right")
    for queue in sorted(queues, key=lambda queue: str(queue["name"])):
        statistics = queue.get("message_stats", {})
        counts = [queue.get(key, 0) for key in _COUNTS] + [statistics.get(key, 0) for key in _RATES]
        table.add_row(queue["name"], queue["type"], *map(str, counts))
    return table


def _counted(box: Sandbox) -> list[dict[str, Any]] | None:
    """Return the queues if their statistics are in: the broker collects them every few seconds."""
    queues: list[dict[str, Any]] = Management.of(box.management_url, box.admin_url).get("queues", box.vhost)
    served = [queue for queue in queues if queue["name"] in _SERVED]
    return queues if all(queue.get("consumers") for queue in served) else None
