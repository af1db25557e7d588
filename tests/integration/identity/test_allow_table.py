"""The allow table, walked cell by cell against the running service."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from profile_contracts.operations import OPERATIONS
from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.identity.allow_table import ALLOW_TABLE, CELLS, Actor, Row
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.identity.people import logged_in, signed_up
from tests.integration.replies import PROFILE, refusal, result
from tests.integration.replies import PUBLIC as PUBLIC_FIELDS
from tests.integration.requests import a_request

ON_PROFILES: tuple[tuple[str, dict[str, str]], ...] = (
    ("profile.get", {}),
    ("profile.update", {"last_name": "King"}),
    ("profile.delete", {}),
)
HUMANS = (Actor.SELF, Actor.OTHER, Actor.ADMIN, Actor.SUSPENDED)


@dataclass(slots=True)
class Cast:
    """Those who play the actors; whoever was changed in a scene is replaced."""

    env: IsolatedEnv
    players: dict[str, Person] = field(default_factory=dict)

    async def player(self, actor: Actor) -> Person:
        """Return the one who plays *actor*, logged in."""
        if actor not in self.players:
            self.players[actor] = await self._engage(actor)
        return self.players[actor]

    async def _engage(self, actor: Actor) -> Person:
        role = {"role": "admin"} if actor is Actor.ADMIN else {}
        person = await signed_up(self.env.service, **role)
        tokens = await logged_in(self.env.service, person)
        wrote = await self.env.gateway.ask(
            "post.create", a_request("post.create"), token=tokens["access_token"]
        )
        if actor is Actor.SUSPENDED:
            admin = await self.player(Actor.ADMIN)
            suspension = {"id": person["id"], "status": "suspended"}
            result(await self.env.gateway.ask("profile.update", suspension, token=admin["token"]))
        return {
            **person,
            **await self._mailed(person),
            "token": tokens["access_token"],
            "refresh_token": tokens["refresh_token"],
            "post_id": result(wrote)["id"],
        }

    async def _mailed(self, person: Person) -> Person:
        """Return what a trusted service would have sent to *person*."""
        service = self.env.service
        reset = await service.ask("auth.start_reset", {"email": person["email"]})
        verification = await service.ask("auth.start_verification", {"id": person["id"]})
        tokens = {"reset_token": reset, "verification_token": verification}
        return {name: each["result"]["token"] for name, each in tokens.items() if each["ok"]}

    async def ask(self, row: Row, actor: Actor) -> dict[str, Any]:
        """Return what *actor* is told."""
        subject = await self.player(Actor.SELF)
        words = {**subject, "new_email": an_address()}
        body = {
            name: value.format_map(words) if isinstance(value, str) else value
            for name, value in row.body.items()
        }
        properties: dict[str, Any] = {"user_id": None} if actor is Actor.ANONYMOUS else {}
        token = (await self.player(actor))["token"] if actor in HUMANS else None
        reply = await self._stage(actor).ask(row.operation, body, token=token, **properties)
        if reply["ok"] and row.operation == "auth.refresh":
            subject["refresh_token"] = reply["result"]["refresh_token"]
        if row.changes and reply["ok"]:
            self.players.pop(Actor.SELF, None)
            self.players.pop(actor, None)
        return reply

    def _stage(self, actor: Actor) -> Gateway:
        return self.env.service if actor is Actor.TRUSTED else self.env.gateway


@pytest_asyncio.fixture(scope="module")
async def cast(trusting: IsolatedEnv) -> Cast:
    """The cast of the module."""
    return Cast(trusting)


@pytest.mark.parametrize(
    ("row", "actor"),
    CELLS,
    ids=lambda each: each.value if isinstance(each, Actor) else f"{each.operation} {each.field}".strip(),
)
async def test_the_service_answers_as_the_table_says(cast: Cast, row: Row, actor: Actor) -> None:
    reply = await cast.ask(row, actor)
    expected, _, view = row.cells[actor].partition(", ")

    assert ("ok" if reply["ok"] else reply["error"]["code"]) == expected, reply
    if view:
        assert result(reply).keys() == {"full": PROFILE, "public": PUBLIC_FIELDS}[view]
    if expected == "unauthenticated":
        reason = "session_ended" if actor is Actor.SUSPENDED else "missing_token"
        assert refusal(reply)[1] == reason


def test_every_operation_has_a_row() -> None:
    assert {row.operation for row in ALLOW_TABLE} == {operation.queue for operation in OPERATIONS}


def test_every_row_says_something_of_every_actor() -> None:
    assert [row for row in ALLOW_TABLE if row.cells.keys() != set(Actor)] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
def test_what_needs_an_actor_is_nothing_for_nobody(operation: Any) -> None:
    rows = [row for row in ALLOW_TABLE if row.operation == operation.queue and not row.field]
    rows = rows or [row for row in ALLOW_TABLE if row.operation == operation.queue]
    denied = {row.cells[Actor.ANONYMOUS] == "unauthenticated" for row in rows}

    assert denied == {operation.needs_actor}


async def test_a_dead_token_does_not_borrow_the_rights_of_its_service(
    trusting: IsolatedEnv, cast: Cast
) -> None:
    suspended = await cast.player(Actor.SUSPENDED)
    for queue, more in ON_PROFILES:
        reply = await trusting.service.ask(
            queue, {"id": (await cast.player(Actor.OTHER))["id"], **more}, token=suspended["token"]
        )

        assert refusal(reply) == ("unauthenticated", "session_ended")
    own = {"id": suspended["post_id"]}
    for queue, body in (
        ("post.create", a_request("post.create")),
        ("post.update", {**own, "title": "Note H"}),
        ("post.delete", own),
    ):
        reply = await trusting.service.ask(queue, body, token=suspended["token"])

        assert refusal(reply) == ("unauthenticated", "session_ended")
