"""The queues as RabbitMQ's console shows them."""

from typing import Any, Final

from rich.box import SIMPLE
from rich.table import Table

from profile_contracts.operations import OPERATIONS
from service.pkg.management_api import ManagementApi
from tools.servers.sandbox import Sandbox
from tools.servers.waiting import wait_until

_SERVED: Final = frozenset(operation.queue for operation in OPERATIONS)
_COUNTS: Final = {
    "consumers": "consumers",
    "messages_ready": "ready",
    "messages_unacknowledged": "unacked",
}
_LATE_SECONDS: Final = 30.0
_RATES: Final = {"publish": "in", "deliver_get": "delivered"}


def queue_table(box: Sandbox, sent: int) -> Table:
    """Return a table of the queues of *box*, once the console has counted the requests that were *sent*.

    A busy broker counts late. Then the table is what there is, and its title says so.
    """
    title = f"Queues in {box.vhost}"
    try:
        wait_until(lambda: _is_counted(_queues(box), sent), within=_LATE_SECONDS)
    except TimeoutError:
        title += " (the broker is busy, and has not counted everything yet)"
    queues = _queues(box)
    table = Table(title=title, title_justify="left", box=SIMPLE, collapse_padding=True)
    # Names are what is looked for: a narrow terminal breaks lines, but does not cut them.
    table.add_column("queue", no_wrap=True, min_width=max(len(str(queue["name"])) for queue in queues))
    table.add_column("type", no_wrap=True, min_width=len("classic"))
    for title in (*_COUNTS.values(), *_RATES.values()):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    for queue in sorted(queues, key=lambda queue: str(queue["name"])):
        statistics = queue.get("message_stats", {})
        counts = [queue.get(key, 0) for key in _COUNTS] + [statistics.get(key, 0) for key in _RATES]
        table.add_row(queue["name"], queue["type"], *map(str, counts))
    return table


def _queues(box: Sandbox) -> list[dict[str, Any]]:
    queues: list[dict[str, Any]] = ManagementApi.of(box.management_url, box.admin_url).get(
        "queues", box.vhost
    )
    return queues


def _is_counted(queues: list[dict[str, Any]], sent: int) -> bool:
    """Return whether the statistics are in: the broker collects them every few seconds."""
    served = [queue for queue in queues if queue["name"] in _SERVED]
    counted = sum(queue.get("message_stats", {}).get("publish", 0) for queue in served)
    at_rest = all(queue.get("messages_unacknowledged", 0) == 0 for queue in queues)
    all_consumed = all(queue.get("consumers") for queue in served)
    return all_consumed and at_rest and counted >= sent
