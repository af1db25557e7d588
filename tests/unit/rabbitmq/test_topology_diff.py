from typing import Any

import pytest

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import EVENT_HISTORY, Exchange, Queue, topology
from service.infrastructure.rabbitmq.topology_check import conflict
from service.infrastructure.rabbitmq.topology_diff import (
    BrokerState,
    differences,
    differing_policies,
    missing_policies,
)

WHOLE = topology()


def broker_state() -> BrokerState:
    """Return what a broker says on which everything stands."""
    file: dict[str, Any] = definitions(WHOLE)
    return BrokerState(file["queues"], file["bindings"], file["policies"])


def a_policy(name: str, pattern: str, priority: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "pattern": pattern,
        "priority": priority,
        "apply-to": "queues",
        "definition": {},
        **more,
    }


def test_a_broker_that_stands_as_it_should_differs_in_nothing() -> None:
    assert differences(WHOLE, broker_state()) == []
    assert missing_policies(WHOLE, broker_state()) == []


def test_a_binding_that_is_missing_is_named_unless_its_queue_is() -> None:
    there = broker_state()
    bindings = [each for each in there.bindings if each["destination"] != "profile.get"]
    without = BrokerState(there.queues, bindings, there.policies)

    assert differences(WHOLE, without) == [
        "profile.get is not bound to profile.commands with key 'profile.get': run `profilectl topology apply`"
    ]
    assert differences(WHOLE, without, {"profile.get"}) == []


def test_a_binding_too_many_is_named_and_those_of_others_are_not() -> None:
    there = broker_state()
    more = {"source": "amq.topic", "routing_key": "#", "destination_type": "queue", "arguments": {}}
    default = {**more, "source": "", "destination": "profile.get"}
    added = [{**more, "destination": "gateway.events"}, {**more, "destination": "profile.get"}, default]
    found = BrokerState(there.queues, [*there.bindings, *added], there.policies)

    assert differences(WHOLE, found) == [
        "profile.get is bound to amq.topic with key '#', too: unbind it, unless that is meant"
    ]


def test_a_missing_policy_is_named_and_can_be_made() -> None:
    there = broker_state()
    found = BrokerState(there.queues, there.bindings, there.policies[1:])
    first = WHOLE.policies[0]

    assert missing_policies(WHOLE, found) == [first]
    assert differences(WHOLE, found) == [
        f"policy {first.name} is missing: run `profilectl topology apply` with --management-url"
    ]
    assert first.body["definition"] == dict(first.definition)


def test_a_policy_that_differs_is_told_in_words() -> None:
    there = broker_state()
    changed = {**there.policies[0], "priority": 3, "definition": {"delivery-limit": 20, "max-length": 7}}
    found = BrokerState(there.queues, there.bindings, [changed, *there.policies[1:]])

    assert differing_policies(WHOLE, found) == [
        (
            "policy profile-commands differs: max-length is 7 and not 100000, max-length-bytes is unset and "
            "not 268435456, overflow is unset and not 'reject-publish', priority is 3 and not 10; set it "
            "again, unless that is meant"
        )
    ]


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        (a_policy("other", "^profile.get$", 11), ["profile.get obeys policy other of priority 11"]),
        (a_policy("other", "^profile.get$", 10), ["profile.get obeys policy other of priority 10"]),
        (a_policy("other", "^profile.get$", 9), []),
        (a_policy("other", ".", 99, **{"apply-to": "exchanges"}), 6),
        (a_policy("other", ".", 99, **{"apply-to": "streams"}), []),
        (a_policy("other", "^post.get$", 99, **{"apply-to": "quorum_queues"}), []),
        (a_policy("other", "^post.get$", 99, **{"apply-to": "all"}), 1),
        (a_policy("other", "(?<=no python", 99), []),
    ],
)
def test_what_obeys_a_policy_of_others_is_named(policy: dict[str, Any], names: list[str] | int) -> None:
    there = broker_state()
    found = differences(WHOLE, BrokerState(there.queues, there.bindings, [*there.policies, policy]))

    if isinstance(names, int):
        assert len(found) == names
    else:
        assert [each.partition(", not")[0] for each in found] == names


def test_who_limits_an_event_history_is_named() -> None:
    whole = topology(event_history=True)
    file: dict[str, Any] = definitions(whole)
    queues = [{"name": EVENT_HISTORY}]
    others = [
        a_policy("streams", "history", 11, **{"apply-to": "streams"}),
        a_policy("quorum", "history", 12, **{"apply-to": "quorum_queues"}),
    ]
    there = BrokerState(queues, file["bindings"], [*file["policies"], *others])

    (difference,) = differences(whole, there)
    assert difference.startswith(
        "profile.events.history obeys policy streams of priority 11, not profile-event-history: "
    )


def test_an_operator_policy_is_named() -> None:
    there = broker_state()
    limited = {**there.queues[0], "operator_policy": "cap", "effective_policy_definition": {"max-length": 5}}
    found = BrokerState([limited, *there.queues[1:]], there.bindings, there.policies)

    assert differences(WHOLE, found) == [
        "profile.create obeys operator policy cap, too; in effect: {'max-length': 5}"
    ]


CREATE, EVENTS = Queue("profile.create", "quorum"), Exchange("profile.events", "topic")
GOOD = "queue arguments can never be changed; drain it, delete it and run this again"


@pytest.mark.parametrize(
    ("thing", "text", "sentence"),
    [
        (
            CREATE,
            (
                "'x-queue-type' for queue 'profile.create' in vhost '/': received the value 'quorum' of "
                "type 'longstr' but current is none"
            ),
            f"profile.create exists as a classic queue and has to be quorum: {GOOD}",
        ),
        (
            CREATE,
            "'x-queue-type' for queue 'profile.create' in vhost '/': received 'quorum' but current is 'stream'",  # noqa: E501
            f"profile.create exists as a stream queue and has to be quorum: {GOOD}",
        ),
        (
            CREATE,
            (
                "'x-message-ttl' for queue 'profile.create' in vhost '/': received none but current is "
                "the value '1000' of type 'short'"
            ),
            f"profile.create exists with x-message-ttl=1000 and has to be without x-message-ttl: {GOOD}",
        ),
        (
            CREATE,
            "'durable' for queue 'profile.create' in vhost '/': received 'true' but current is 'false'",
            f"profile.create exists with durable=false and has to be with durable=true: {GOOD}",
        ),
        (
            EVENTS,
            "'type' for exchange 'profile.events' in vhost '/': received 'topic' but current is 'direct'",
            (
                "profile.events exists as a direct exchange and has to be topic: exchanges can never be "
                "changed; delete it and run this again"
            ),
        ),
    ],
)
def test_a_failed_precondition_is_explained(thing: Queue | Exchange, text: str, sentence: str) -> None:
    assert conflict(thing, f"PRECONDITION_FAILED - inequivalent arg {text}") == sentence


def test_a_failed_precondition_of_another_kind_is_quoted() -> None:
    assert conflict(CREATE, "PRECONDITION_FAILED - odd") == (
        f"profile.create is not as it has to be (PRECONDITION_FAILED - odd): {GOOD}"
    )
