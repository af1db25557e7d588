"""What stands on the broker, as data: the one source of declarations, definitions files and documents.

Code declares durability and type only, because arguments of a queue can never be changed; of a stream, the
size of its segments, too, which is one for good. All else is a policy, which operators can change (RabbitMQ
documentation, "Policies").
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from profile_contracts.events import (
    EVENTS_EXCHANGE,
    POST_CREATED,
    PROFILE_DELETED,
    PROFILE_ERASED,
    PROFILE_UPDATED,
)
from profile_contracts.operations import OPERATIONS, Kind, Operation

QueueType = Literal["quorum", "classic"]

COMMANDS_EXCHANGE: Final = "profile.commands"
UNROUTABLE: Final = "profile.unroutable"
# What is left of messages of a queue that could not be handled lies in the queue of that name and this.
DEAD_LETTERS: Final = ".dlq"
# Dead letters that operators want to keep and no longer count.
PARKED: Final = "profile.parked"
# What is left of malformed fire-and-forget requests. Not among the other dead letters:
# whoever may publish could push those out.
MALFORMED: Final = "profile.malformed.dlq"
# What the service itself does about its own events.
CASCADE_QUEUE: Final = "profile.followup"
# Those of a user's profile, and of posts that may have been written while it was being deleted.
CASCADE_EVENTS: Final = (PROFILE_UPDATED.name, PROFILE_DELETED.name, PROFILE_ERASED.name, POST_CREATED.name)
# What has happened to profiles and posts, kept for consumers to come: a stream. Sessions and failed commands
# are no part of it: nobody needs them later, and a `message_id` is whatever a caller took for one.
EVENT_HISTORY: Final = "profile.events.history"
_KEPT_EVENTS: Final = ("profile.*", "post.*")
# A message waits here before it is tried again: a queue for each delay, for only the first one can expire.
RETRIES: Final[Mapping[str, int]] = {
    "profile.retry.5s": 5_000,
    "profile.retry.30s": 30_000,
    "profile.retry.300s": 300_000,
}
# Those that workers consume.
CONSUMED: Final = frozenset({CASCADE_QUEUE, UNROUTABLE, *(operation.queue for operation in OPERATIONS)})

_DAY_MS: Final = 24 * 60 * 60 * 1000
# For messages that kill a worker before it can dead-letter them.
DELIVERY_LIMIT: Final = 20
# RabbitMQ counts each look at a letter, and from 4.0 on drops it after 20 where no policy says otherwise.
_LOOKS: Final = 1_000_000
_MIB: Final = 1024 * 1024
# Larger than any message of ours with its properties; the broker's `max_message_size` has to be no larger.
MAX_MESSAGE_BYTES: Final = _MIB
# A stream forgets whole segments, and never the one that it writes. Their size can't be changed later
# (rabbitmq-server #10498); RabbitMQ's own is 500 MB, a million events.
_SEGMENT_BYTES: Final = 16 * _MIB


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: Literal["direct", "fanout", "topic"]


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue."""

    name: str
    type: QueueType | Literal["stream"]

    @property
    def arguments(self) -> dict[str, str | int]:
        """The arguments it is declared with: what no policy can say."""
        segments = {"x-stream-max-segment-size-bytes": _SEGMENT_BYTES} if self.type == "stream" else {}
        return {"x-queue-type": self.type, **segments}


@dataclass(frozen=True, slots=True)
class Binding:
    """A way from an exchange to a queue."""

    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What operators may change later. A queue obeys one policy: that of the highest priority."""

    name: str
    pattern: str
    apply_to: Literal["queues", "exchanges"]
    definition: Mapping[str, Any]
    priority: int = 10

    @property
    def body(self) -> dict[str, Any]:
        """All but its name, as RabbitMQ writes it."""
        return {
            "pattern": self.pattern,
            "apply-to": self.apply_to,
            "priority": self.priority,
            "definition": dict(self.definition),
        }


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that has to stand on the broker."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    policies: tuple[Policy, ...]

    @property
    def things(self) -> tuple[Exchange | Queue, ...]:
        """Everything that has a name."""
        return (*self.exchanges, *self.queues)


def work_queue(operation: Operation[Any, Any], query_type: QueueType = "classic") -> Queue:
    """Return the queue of *operation*.

    Commands wait in quorum queues, which survive the loss of a node. Queries are asked again when they are
    lost, and a quorum queue would cost them twice the broker's work.
    """
    return Queue(operation.queue, "quorum" if operation.kind is Kind.COMMAND else query_type)


def topology(query_type: QueueType = "classic", *, event_history: bool = False) -> Topology:
    """Return what has to stand on the broker for all operations; for an *event_history*, too, if asked."""
    whole = _without_history(query_type)
    if not event_history:
        return whole
    return replace(
        whole,
        queues=(*whole.queues, Queue(EVENT_HISTORY, "stream")),
        bindings=(*whole.bindings, *(Binding(EVENTS_EXCHANGE, EVENT_HISTORY, key) for key in _KEPT_EVENTS)),
        policies=(
            *whole.policies,
            Policy(
                "profile-event-history",
                _any_of([EVENT_HISTORY]),
                "queues",
                {"max-age": "1Y", "max-length-bytes": 10 * 1024 * _MIB},
            ),
        ),
    )


def _without_history(query_type: QueueType) -> Topology:
    return Topology(
        exchanges=(
            Exchange(COMMANDS_EXCHANGE, "direct"),
            Exchange(UNROUTABLE, "fanout"),
            Exchange(EVENTS_EXCHANGE, "topic"),
            *(Exchange(name, "fanout") for name in RETRIES),
        ),
        queues=(
            *(work_queue(operation, query_type) for operation in OPERATIONS),
            *(Queue(operation.dead_letters, "quorum") for operation in OPERATIONS),
            Queue(UNROUTABLE, "quorum"),
            Queue(CASCADE_QUEUE, "quorum"),
            Queue(f"{CASCADE_QUEUE}{DEAD_LETTERS}", "quorum"),
            Queue(PARKED, "quorum"),
            Queue(MALFORMED, "quorum"),
            *(Queue(name, "quorum") for name in RETRIES),
        ),
        bindings=(
            *(Binding(COMMANDS_EXCHANGE, each.queue, each.queue) for each in OPERATIONS),
            Binding(UNROUTABLE, UNROUTABLE, ""),
            *(Binding(EVENTS_EXCHANGE, CASCADE_QUEUE, event) for event in CASCADE_EVENTS),
            *(Binding(name, name, "") for name in RETRIES),
        ),
        policies=_policies(),
    )


def _policies() -> tuple[Policy, ...]:
    commands = [operation.queue for operation in OPERATIONS if operation.kind is Kind.COMMAND]
    queries = [operation.queue for operation in OPERATIONS if operation.kind is Kind.QUERY]
    return (
        # No dead-letter exchange: it would keep passwords and tokens. The service dead-letters by itself.
        Policy(
            "profile-commands",
            _any_of(commands),
            "queues",
            {
                "delivery-limit": DELIVERY_LIMIT,
                "max-length": 100_000,
                "max-length-bytes": 256 * _MIB,
                "overflow": "reject-publish",
            },
        ),
        Policy(
            "profile-queries",
            _any_of(queries),
            "queues",
            {
                "max-length": 10_000,
                "max-length-bytes": 64 * _MIB,
                "overflow": "reject-publish",
                "message-ttl": 60_000,
            },
        ),
        Policy(
            "profile-dead-letters",
            r"^(auth|post|profile)\..+\.dlq$",
            "queues",
            {
                "delivery-limit": _LOOKS,
                "max-length": 50_000,
                "max-length-bytes": 64 * _MIB,
                "message-ttl": 14 * _DAY_MS,
            },
        ),
        Policy(
            "profile-malformed",
            _any_of([MALFORMED]),
            "queues",
            {
                "delivery-limit": _LOOKS,
                "max-length": 1_000,
                "max-length-bytes": 4 * _MIB,
                "message-ttl": 14 * _DAY_MS,
            },
            priority=11,  # it is one of the dead letters, too
        ),
        Policy(
            "profile-parked",
            _any_of([PARKED]),
            "queues",
            {
                "delivery-limit": _LOOKS,
                "max-length": 50_000,
                "max-length-bytes": 64 * _MIB,
                "overflow": "reject-publish",
            },
        ),
        Policy(
            "profile-followups",
            _any_of([CASCADE_QUEUE]),
            "queues",
            # A full queue keeps events in the outbox, where none is lost.
            {
                "delivery-limit": DELIVERY_LIMIT,
                "max-length-bytes": 256 * _MIB,
                "overflow": "reject-publish",
            },
        ),
        # By the default exchange each message goes back to the queue that is its routing key.
        *(
            Policy(
                f"profile-retry-{milliseconds // 1000}s",
                _any_of([name]),
                "queues",
                {
                    "message-ttl": milliseconds,
                    "dead-letter-exchange": "",
                    "dead-letter-strategy": "at-least-once",
                    "max-length-bytes": 256 * _MIB,
                    "overflow": "reject-publish",
                },
            )
            for name, milliseconds in RETRIES.items()
        ),
        # Workers answer and drop what comes here; while there is none, it is not kept for long.
        Policy(
            "profile-unroutable",
            _any_of([UNROUTABLE]),
            "queues",
            {"max-length": 10_000, "max-length-bytes": 16 * _MIB, "message-ttl": _DAY_MS},
        ),
        Policy(
            "profile-alternate",
            _any_of([COMMANDS_EXCHANGE]),
            "exchanges",
            {"alternate-exchange": UNROUTABLE},
        ),
    )


def _any_of(names: Iterable[str]) -> str:
    return f"^({'|'.join(re.escape(name) for name in names)})$"
