"""The topology beside what the management API says: one sentence for each difference."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.management import Management
from service.infrastructure.rabbitmq.topology import (
    Exchange,
    Policy,
    Queue,
    Topology,
)

_Listed = Sequence[Mapping[str, Any]]

# Which policies a queue or exchange can obey, by their `apply-to`; the long ones came with RabbitMQ 3.12.
_EXCHANGES: Final = frozenset({"all", "exchanges"})
_QUEUES: Final = frozenset({"all", "queues"})


@dataclass(frozen=True, slots=True)
class BrokerState:
    """What the management API says about a virtual host."""

    queues: _Listed
    bindings: _Listed
    policies: _Listed


async def broker_state(management: Management) -> BrokerState:
    """Ask for all of it."""
    kinds = ("queues", "bindings", "policies")
    return BrokerState(*[await management.get(kind) for kind in kinds])


def differences(
    topology: Topology, broker_state: BrokerState, known: AbstractSet[str] = frozenset()
) -> list[str]:
    """Return what differs, but for queues and exchanges that are *known* not to stand as they should."""
    return [
        *_bindings(topology, broker_state.bindings, known),
        *differing_policies(topology, broker_state),
        *_policy_conflicts(topology, broker_state.policies),
        *_operator_policies(topology, broker_state.queues),
    ]


def differing_policies(topology: Topology, broker_state: BrokerState) -> list[str]:
    """Return how the policies differ."""
    return list(_policies(topology.policies, broker_state.policies))


def missing_policies(topology: Topology, broker_state: BrokerState) -> list[Policy]:
    """Return the policies whose names are not taken."""
    taken = {each["name"] for each in broker_state.policies}
    return [each for each in topology.policies if each.name not in taken]


def _bindings(topology: Topology, bindings: _Listed, known: AbstractSet[str]) -> Iterator[str]:
    queues = {queue.name for queue in topology.queues}
    exchanges = {exchange.name for exchange in topology.exchanges}
    wanted = {("queue", each.exchange, each.queue, each.routing_key) for each in topology.bindings}
    there = {
        (each["destination_type"], each["source"], each["destination"], each["routing_key"])
        for each in bindings
        if each["source"]
    }
    for _, exchange, queue, key in sorted(wanted - there):
        if not {exchange, queue} & known:
            yield f"{queue} is not bound to {exchange} with key {key!r}: run `profilectl topology apply`"
    for kind, source, name, key in sorted(there - wanted):
        if name in (queues if kind == "queue" else exchanges):
            yield f"{name} is bound to {source} with key {key!r}, too: unbind it, unless that is meant"
        elif source in exchanges - {EVENTS_EXCHANGE}:  # which anybody may listen to
            yield (
                f"{kind} {name} is bound to {source} with key {key!r}, and so receives what others ask, "
                "passwords and tokens included: unbind it, unless that is meant"
            )


def _policies(policies: Sequence[Policy], found: _Listed) -> Iterator[str]:
    by_name = {each["name"]: each for each in found}
    for policy in policies:
        if policy.name not in by_name:
            yield f"policy {policy.name} is missing: run `profilectl topology apply` with --management-url"
        else:
            there, wanted = _flat(by_name[policy.name]), _flat(policy.body)
            changed = [name for name in sorted(there | wanted) if there.get(name) != wanted.get(name)]
            if changed:
                words = ", ".join(
                    f"{each} is {_say(there, each)} and not {_say(wanted, each)}" for each in changed
                )
                yield f"policy {policy.name} differs: {words}; set it again, unless that is meant"


def _flat(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: policy.get(name) for name in ("pattern", "apply-to", "priority")},
        **policy["definition"],
    }


def _say(settings: Mapping[str, Any], name: str) -> str:
    return repr(settings[name]) if name in settings else "unset"


def _policy_conflicts(topology: Topology, found: _Listed) -> Iterator[str]:
    """Of the policies that match, the one of the highest priority holds, and no other."""
    there = {each["name"] for each in found}
    for thing in topology.things:
        ours = {each.name for each in topology.policies if _matches(each.body, thing)} & there
        matching = [each for each in found if _matches(each, thing)]
        highest = max((each["priority"] for each in matching), default=0)
        holding = {each["name"] for each in matching if each["priority"] == highest}
        if others := holding - ours:
            names = ", ".join(sorted(others))
            yield (
                f"{thing.name} obeys policy {names} of priority {highest}, not {', '.join(ours) or 'none'}: "
                "narrow its pattern or lower its priority, unless that is meant"
            )


def _matches(policy: Mapping[str, Any], thing: Exchange | Queue) -> bool:
    if isinstance(thing, Exchange):
        kinds = _EXCHANGES
    else:
        kinds = _QUEUES | {"streams" if thing.type == "stream" else f"{thing.type}_queues"}
    try:
        return policy["apply-to"] in kinds and re.search(policy["pattern"], thing.name) is not None
    except re.error:  # RabbitMQ's expressions know more than Python's
        return False


def _operator_policies(topology: Topology, queues: _Listed) -> Iterator[str]:
    ours = {queue.name for queue in topology.queues}
    for each in queues:
        if each["name"] in ours and (name := each.get("operator_policy")):
            limits = each.get("effective_policy_definition")
            yield f"{each['name']} obeys operator policy {name}, too; in effect: {limits}"
