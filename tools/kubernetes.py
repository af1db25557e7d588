"""Makes deploy/kubernetes/topology.yaml from the one topology in code: `python -m tools.kubernetes`.

The resources are those of RabbitMQ's messaging topology operator (rabbitmq.com/v1beta1).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from service.infrastructure.rabbitmq.definitions import PERMISSIONS
from service.infrastructure.rabbitmq.topology import Exchange, Queue, Topology, topology

FILE: Final = Path(__file__).parents[1] / "deploy" / "kubernetes" / "topology.yaml"
_CLUSTER: Final = {"rabbitmqClusterReference": {"name": "rabbitmq"}}
_VHOST: Final = "/"
_HEAD: Final = (
    "# Made by `make definitions` from the topology in code. Do not edit. The secret rabbitmq-<user> holds\n"
    "# each user's `username` and `password`.\n"
)

Resource = Mapping[str, Any]


def rendered() -> str:
    """Return all resources as YAML."""
    documents = [*resources(topology("quorum")), *_users()]
    return _HEAD + yaml.safe_dump_all(documents, sort_keys=False, width=110)


def resources(wanted: Topology) -> Iterator[Resource]:
    """Return a resource for each object of *wanted*."""
    for exchange in wanted.exchanges:
        yield _resource("Exchange", exchange.name, {**_lasting(exchange), "type": exchange.type})
    for queue in wanted.queues:
        yield _resource("Queue", queue.name, {**_lasting(queue), "type": queue.type})
    for binding in wanted.bindings:
        ends = {"source": binding.exchange, "destination": binding.queue, "destinationType": "queue"}
        name = ".".join(filter(None, (binding.exchange, "to", binding.queue, "by", binding.routing_key)))
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
