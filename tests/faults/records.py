"""What is written down of a run: what clients sent and heard, and what was stored meanwhile."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faults.history import Told

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent. Times are those of one clock, in seconds.

    Attributes:
        key: The name of this sending, its correlation id.
        command: The message id, which is the same each time a command is sent; queries have none.
        patience: How long it may wait in its queue, or `None` for as long as it takes.
        waits: Whether anybody waits for a reply.
        is_taken: Whether the broker has said that it has it; not known of what nobody waits for.

    """

    key: str
    client: int
    queue: str
    body: Body
    at: float
    command: str | None = None
    patience: float | None = None
    waits: bool = True
    is_taken: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it came, be it the second one, or late."""

    key: str
    body: Body
    at: float

    @property
    def result(self) -> Body:
        """What was answered; nothing if it was a refusal."""
        found: Body = self.body.get("result", {})
        return found

    @property
    def reason(self) -> str | None:
        """Why it was refused, if it was."""
        return self.body["error"]["reason"] if "error" in self.body else None

    @property
    def is_final(self) -> bool:
        """Whether there is no sense in asking again."""
        return bool(self.body["ok"] or not self.body["error"]["retryable"])


@dataclass(frozen=True, slots=True)
class Commit:
    """A version of a profile or post, as MongoDB's own log of changes has it.

    Attributes:
        mark: What this commit has set the last name or the title to: the command that asked for it.
        status: What it has set the status to.
        address: What it has set the address to.
        at: When we heard of it, which is later than it happened.
        owner: The profile of the user whose post it is.

    """

    kind: str
    thing: str
    version: int
    at: float
    mark: str | None = None
    status: str | None = None
    address: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A profile or post as it is in the end."""

    version: int
    status: str
    address: str | None = None
    owner: str | None = None


@dataclass(slots=True)
class History:
    """All of it, in the order in which it was noted.

    Attributes:
        stored: What is there in the end.
        dead_lettered: Why commands are in dead-letter queues in the end, by their names.

    """

    sent: list[Sent] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    told: Told = field(default_factory=Told)
    stored: dict[str, Stored] = field(default_factory=dict)
    dead_lettered: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[float, str]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Return the history as JSON, a line for each thing that happened, by time."""
        noted: list[Sent | Answer | Commit] = [*self.sent, *self.answers, *self.commits]
        times = [(each.at, {type(each).__name__: asdict(each)}) for each in noted]
        times += [(at, {"Fault": {"name": name, "at": at}}) for at, name in self.faults]
        for _, each in sorted(times, key=lambda pair: pair[0]):
            yield json.dumps(each)
        for name in self.told.ids:
            yield json.dumps({"Told": [body.decode() for body in self.told.bodies[name]]})
        for thing, stored in self.stored.items():
            yield json.dumps({"Stored": {"thing": thing, **asdict(stored)}})
        yield json.dumps({"Dead-lettered": self.dead_lettered})
