"""Makes deploy/kubernetes/topology.yaml from the one topology in code: `python -m tools.kubernetes`.

What an event history needs beside that is in a component of its own, for those who want one.

The resources are those of RabbitMQ's messaging topology operator (rabbitmq.com/v1beta1).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from service.infrastructure.rabbitmq.definitions import PERMISSIONS
from service.infrastructure.rabbitmq.topology import Exchange, Queue, Topology, topology

FILE: Final = Path(__file__).parents[1] / "deploy" / "kubernetes" / "topology.yaml"
HISTORY_FILE: Final = FILE.parent / "event-history" / "topology.yaml"
_CLUSTER: Final = {"rabbitmqClusterReference": {"name": "rabbitmq"}}
_VHOST: Final = "/"
_MADE: Final = "# Made by `make definitions` from the topology in code. Do not edit."
_HEAD: Final = f"{_MADE} The secret rabbitmq-<user> holds\n# each user's `username` and `password`.\n"

Resource = Mapping[str, Any]


def rendered() -> str:
    """Return all resources as YAML."""
    return _HEAD + _yaml([*resources(topology("quorum")), *_users()])


def rendered_history() -> str:
    """Return the resources of an event history as YAML."""
    without = list(resources(topology("quorum")))
    whole = resources(topology("quorum", event_history=True))
    return f"{_MADE}\n" + _yaml([each for each in whole if each not in without])


def _yaml(documents: Sequence[Resource]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, width=110)


def resources(wanted: Topology) -> Iterator[Resource]:
    """Return a resource for each object of *wanted*."""
    for exchange in wanted.exchanges:
        yield _resource("Exchange", exchange.name, {**_lasting(exchange), "type": exchange.type})
    for queue in wanted.queues:
        more = {name: value for name, value in queue.arguments.items() if name != "x-queue-type"}
        arguments = {"arguments": more} if more else {}
        yield _resource("Queue", queue.name, {**_lasting(queue), "type": queue.type, **arguments})
    for binding in wanted.bindings:
        ends = {"source": binding.exchange, "destination": binding.queue, "destinationType": "queue"}
        key = binding.routing_key.replace("*", "any")
        name = ".".join(filter(None, (binding.exchange, "to", binding.queue, "by", key)))
        yield _resource("Binding", name.removesuffix(".by"), {**ends, "routingKey": binding.routing_key})
    for policy in wanted.policies:
        what = {"pattern": policy.pattern, "applyTo": policy.apply_to, "priority": policy.priority}
        spec = {"name": policy.name, **what, "definition": dict(policy.definition)}
        yield _resource("Policy", policy.name, spec)


def _users() -> Iterator[Resource]:
    for name, (configure, write, read) in PERMISSIONS.items():
        secret = {"importCredentialsSecret": {"name": f"rabbitmq-{name}"}}
        yield _kind("User", name, {**secret, **_CLUSTER})
        rights = {"permissions": {"configure": configure, "write": write, "read": read}}
        yield _resource("Permission", name, {"userReference": {"name": name}, **rights})


def _lasting(thing: Exchange | Queue) -> Resource:
    return {"name": thing.name, "durable": True, "autoDelete": False}


def _resource(kind: str, name: str, spec: Resource) -> Resource:
    return _kind(kind, name, {**spec, "vhost": _VHOST, **_CLUSTER})


def _kind(kind: str, name: str, spec: Resource) -> Resource:
    metadata = {"name": name.replace("_", "-")}  # what Kubernetes takes for a name
    return {"apiVersion": "rabbitmq.com/v1beta1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


if __name__ == "__main__":
    FILE.write_text(rendered())
    HISTORY_FILE.write_text(rendered_history())
