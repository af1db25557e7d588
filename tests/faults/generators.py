"""What clients ask for, drawn at random."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.faults.model import Author, Model, Thing, Wish
from tests.integration.requests import PASSWORD

# So many addresses are wanted by all.
_CONTENDED: Final = 5
_OPERATIONS: Final = {
    "profile.create": 4,
    "profile.update": 30,
    "profile.delete": 2,
    "profile.get": 18,
    "profile.list": 2,
    "post.create": 8,
    "post.update": 18,
    "post.delete": 3,
    "post.get": 10,
    "post.list": 5,
}
# How much of what is drawn changes something.
COMMANDS_SHARE: Final = 1 - sum(
    weight for name, weight in _OPERATIONS.items() if name.endswith((".get", ".list"))
) / sum(_OPERATIONS.values())
# Where a command leaves its name, so that its effect can be told from those of others.
MARKS: Final = {"profile": "last_name", "post": "title"}


@dataclass(slots=True)
class RequestGenerator:
    """Draws the requests of one client, who writes posts as *author*."""

    client: int
    chance: random.Random
    model: Model
    author: Author | None = None
    drawn: int = 0

    def wish(self) -> Wish:
        """Return what to ask for next."""
        (queue,) = self.chance.choices(list(_OPERATIONS), list(_OPERATIONS.values()))
        kind, _, verb = queue.partition(".")
        wish: Wish | None = getattr(self, f"_{verb}")(kind)
        return wish or self.new(kind)

    def new(self, kind: str) -> Wish:
        """Return the wish to make a profile or post."""
        if kind == "profile":
            is_contended = self.chance.random() < 0.5
            return self._sign_up(self._contended() if is_contended else None)
        name, lasts = self._name(), bool(self.author and not self.author.passes)
        return Wish("post.create", {"title": name, "body": "x"}, name, self.author, may_be_told=lasts)

    def new_author(self) -> Wish:
        """Return the wish to make a profile that no other client knows of."""
        return replace(self._sign_up(None), is_private=True)

    def end_of(self, author: Author) -> Wish:
        """Return the wish to delete *author*."""
        return Wish("profile.delete", {"id": author.id}, self._name())

    def _sign_up(self, contended: str | None) -> Wish:
        name = self._name()
        address = contended or f"{name}@example.org"
        body = {"first_name": "Ada", "last_name": name, "email": address, "password": PASSWORD}
        return Wish("profile.create", body, name, may_be_told=not contended)

    def _create(self, kind: str) -> Wish:
        return self.new(kind)

    def _update(self, kind: str) -> Wish | None:
        if not (thing := self._choose(self.model.open(kind))):
            return None
        thing.left -= 1
        name = self._name()
        body: dict[str, Any] = {"id": thing.id, MARKS[kind]: name}
        if self.chance.random() < 0.3:
            body["expected_version"] = thing.version
        if kind == "profile" and self.chance.random() < 0.15:
            body["email"] = self._contended()
        cannot_fail = thing.lasts and len(body) == 2
        return Wish(f"{kind}.update", body, name, thing.author, thing, may_be_told=cannot_fail)

    def _delete(self, kind: str) -> Wish | None:
        passing = [each for each in self.model.open(kind) if not each.lasts]
        if not (thing := self._choose(passing)):
            return None
        thing.left -= 1
        return Wish(f"{kind}.delete", {"id": thing.id}, self._name(), thing.author, thing)

    def _get(self, kind: str) -> Wish | None:
        if not (thing := self._choose(self.model.known(kind))):
            return None
        return Wish(f"{kind}.get", {"id": thing.id}, thing=thing)

    def _list(self, kind: str) -> Wish:
        return Wish(f"{kind}.list", {"limit": 20})

    def _choose(self, things: Sequence[Thing]) -> Thing | None:
        return self.chance.choice(things) if things else None

    def _contended(self) -> str:
        """Return an address that others want, too, in whatever spelling."""
        local = f"shared{self.chance.randrange(_CONTENDED)}"
        return f"{self.chance.choice([local, local.upper()])}@Example.org"

    def _name(self) -> str:
        self.drawn += 1
        return f"c{self.client}-{self.drawn}"
