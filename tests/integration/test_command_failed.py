"""Who sends a command without waiting hears from an event that it has failed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from profile_contracts.events import COMMAND_FAILED
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, eventually
from tests.integration.identity.events import ENVELOPE, Listener, listening
from tests.integration.replies import refusal, result
from tools.servers.sandbox import Sandbox

Told = dict[str, Any]


@pytest_asyncio.fixture
async def listener(sandbox: Sandbox) -> AsyncIterator[Listener]:
    async with listening(sandbox.admin_url) as hearing:
        yield hearing


async def told(listener: Listener, message_id: str) -> Told:
    """Wait for the event about this message; there is one only."""

    async def look() -> list[Told]:
        found = listener.events(COMMAND_FAILED.name)
        return [each for each in found if each["data"]["message_id"] == message_id]

    (event,) = await eventually(look)
    return event


@pytest.mark.parametrize(
    ("queue", "body", "token", "error"),
    [
        ("profile.update", {"last_name": "King"}, "none", ("unauthenticated", "token_invalid")),
        ("profile.update", {"last_name": ["King"]}, "hers", ("invalid", "malformed_request")),
        (
            "profile.update",
            {"last_name": "King", "expected_version": 7},
            "hers",
            ("conflict", "stale_version"),
        ),
        ("profile.delete", {"expected_version": 7}, "hers", ("conflict", "stale_version")),
    ],
    ids=["a token that is none", "a malformed request", "a stale version", "another command"],
)
async def test_what_was_refused_is_told(
    *,
    gateway: Gateway,
    listener: Listener,
    ada: Person,
    queue: str,
    body: Told,
    token: str,
    error: tuple[str, str],
) -> None:
    name, bearer = uuid4().hex, ada["token"] if token == "hers" else "none"
    await gateway.tell(
        queue, {"id": ada["id"], **body}, token=bearer, message_id=name, correlation_id="import-17"
    )
    event = await told(listener, name)

    assert event.keys() == ENVELOPE
    assert event["data"] == {
        "queue": queue,
        "message_id": name,
        "correlation_id": "import-17",
        "code": error[0],
        "reason": error[1],
    }
    assert "King" not in repr(event)


async def test_what_was_done_and_what_somebody_waits_for_is_not_told(
    gateway: Gateway, listener: Listener, ada: Person
) -> None:
    done, waited, last = (uuid4().hex for _ in range(3))
    update = {"id": ada["id"], "last_name": "King"}
    await gateway.tell("profile.update", update, token=ada["token"], message_id=done)
    stale = {**update, "expected_version": 77}
    reply = await gateway.ask("profile.update", stale, token=ada["token"], message_id=waited)
    await gateway.tell("profile.update", stale, token=ada["token"], message_id=last)
    await told(listener, last)

    assert refusal(reply) == ("conflict", "stale_version")
    assert result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))["version"] == 2
    names = {each["data"]["message_id"] for each in listener.events(COMMAND_FAILED.name)}
    assert not names & {done, waited}
