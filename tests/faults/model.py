"""What clients know of profiles and posts, and what they may wish for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from tests.faults.records import Answer, Body

# A thing remembers the last 64 commands that it was sent, and each of them may come again.
LIFE: Final = 50
# The newest things are the ones that all clients change.
_BUSY: Final = 24


@dataclass(frozen=True, slots=True)
class Author:
    """A user who writes posts; no client ever changes the profile.

    Attributes:
        passes: Whether it is deleted after a while, and its posts with it.

    """

    id: str
    token: str
    passes: bool


@dataclass(slots=True)
class Thing:
    """A profile or post, as far as clients know it.

    Attributes:
        author: The user whose post it is.
        lasts: Whether nobody ever deletes it: then some changes to it cannot be refused.
        left: How many commands it may still be sent.

    """

    id: str
    kind: str
    author: Author | None = None
    lasts: bool = False
    version: int = 1
    left: int = LIFE
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """A request before it is sent.

    Attributes:
        name: Its message id, if it is a command.
        author: The user on whose behalf it is asked; for posts only.
        thing: What it is about, unless it makes a new one.
        may_be_told: Whether it can only succeed, so that nobody need wait for the reply.
        is_private: Whether others are not to know of what it makes.

    """

    queue: str
    body: Body
    name: str | None = None
    author: Author | None = None
    thing: Thing | None = None
    may_be_told: bool = False
    is_private: bool = False

    @property
    def kind(self) -> str:
        """What it is about."""
        return self.queue.partition(".")[0]


@dataclass(slots=True)
class Model:
    """What all clients know together: things by their ids, in the order in which they were made."""

    things: dict[str, Thing] = field(default_factory=dict)

    def learn(self, wish: Wish, answer: Answer) -> None:
        """Note what the *answer* to *wish* shows."""
        found, thing = answer.result, wish.thing
        if thing is None:
            if wish.queue.endswith(".create") and found and not wish.is_private:
                lasts = len(self.things) % 3 > 0 and not (wish.author and wish.author.passes)
                self.things.setdefault(found["id"], Thing(found["id"], wish.kind, wish.author, lasts))
            return
        thing.version = max(thing.version, found.get("version", 0))
        is_refused = (answer.reason or "").endswith(("_not_found", "session_ended"))
        thing.is_gone |= is_refused or found.get("status") == "deleted"

    def open(self, kind: str) -> Sequence[Thing]:
        """Return the newest things that can be changed."""
        changeable = (each for each in self._newest(kind) if each.left and not each.is_gone)
        return list(islice(changeable, _BUSY))

    def known(self, kind: str) -> Sequence[Thing]:
        """Return the newest things, be they deleted."""
        return list(islice(self._newest(kind), 2 * _BUSY))

    def _newest(self, kind: str) -> Iterator[Thing]:
        return (each for each in reversed(self.things.values()) if each.kind == kind)
