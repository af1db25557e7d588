"""The topology as a definitions file, which RabbitMQ imports (RabbitMQ documentation, "Definitions").

Its users are for a machine of one's own: their passwords are their names, and so they are after each import.
Elsewhere, make users of these names with passwords of your own, and import the rest.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.topology import COMMANDS_EXCHANGE, EVENT_HISTORY, Topology

_VHOST: Final = "/"
_OWN: Final = r"^(auth|post|profile)\..*$"

# By broker user: what it may configure, write and read. Direct reply-to needs no right. A gateway may
# have queues `gateway.…` of its own, to consume events or replies from, and queues that the broker names.
# It may read the event history, if there is one: to read takes nothing out, and nobody can purge a stream.
PERMISSIONS: Final[dict[str, tuple[str, str, str]]] = {
    "profile-service": (_OWN, r"^(amq\.default|(auth|post|profile)\..*)$", _OWN),
    "gateway": (
        r"^(gateway\.|amq\.gen-).*$",
        rf"^({re.escape(COMMANDS_EXCHANGE)}|gateway\..*)$",
        rf"^({re.escape(EVENTS_EXCHANGE)}|{re.escape(EVENT_HISTORY)}|gateway\..*|amq\.gen-.*)$",
    ),
}


def definitions(topology: Topology) -> dict[str, Any]:
    """Return *topology*, and the two least-privilege users, in the form that RabbitMQ imports."""
    return {
        "vhosts": [{"name": _VHOST}],
        "users": [
            {"name": name, "password_hash": _hash(name), "hashing_algorithm": _ALGORITHM, "tags": []}
            for name in PERMISSIONS
        ],
        "permissions": [
            {"user": name, "vhost": _VHOST, "configure": configure, "write": write, "read": read}
            for name, (configure, write, read) in PERMISSIONS.items()
        ],
        "exchanges": [
            {"name": each.name, "type": each.type, "internal": False, **_durable({})}
            for each in topology.exchanges
        ],
        "queues": [{"name": each.name, **_durable(each.arguments)} for each in topology.queues],
        "bindings": [
            {
                "source": each.exchange,
                "vhost": _VHOST,
                "destination": each.queue,
                "destination_type": "queue",
                "routing_key": each.routing_key,
                "arguments": {},
            }
            for each in topology.bindings
        ],
        "policies": [{"name": each.name, "vhost": _VHOST, **each.body} for each in topology.policies],
    }


_ALGORITHM: Final = "rabbit_password_hashing_sha256"


def _durable(arguments: Mapping[str, str | int]) -> dict[str, Any]:
    return {"vhost": _VHOST, "durable": True, "auto_delete": False, "arguments": dict(arguments)}


def _hash(password: str) -> str:
    """Return RabbitMQ's salted hash; the salt is fixed, so that the file is the same every time."""
    salt = hashlib.sha256(password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
