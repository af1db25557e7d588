"""What operators do is in the audit trail, also if nobody knows how far it came."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import pytest

from service.app.queries.find_profile import FindProfile
from service.cli import admins, operators, profiles
from service.domain.profile import LastAdmin
from service.infrastructure.mongo.errors import DatabaseUnavailable
from tests.builders import a_profile
from tests.unit.profilectl import profilectl, said

pytestmark = pytest.mark.usefixtures("nothing_is_set")

SOMEBODY: Final = a_profile(id=UUID(int=7))
ID: Final = str(SOMEBODY.id)
# What does it, what the trail calls it, and about whom; nobody has an id before there is a user.
COMMANDS: Final = [
    (("profile", "erase", "--yes", ID), "user_erased", ID),
    (("profile", "unlock", "ada@example.org"), "user_unlocked", ID),
    (("admin", "promote", "ada@example.org"), "user_promoted", ID),
    (("admin", "create", "ada@example.org"), "user_created", None),
]
ENVIRONMENT: Final = {
    "RABBITMQ_URL": "amqp://mq/",
    "MONGO_URL": "mongodb://db/profiles",
    "REDIS_URL": "redis://cache/",
    "ADMIN_PASSWORD": "Canary-4711",
}


class Ending:
    """A use case that begins, and ends otherwise than it should."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def handle(self, _command: object) -> None:
        if self.error:
            raise self.error
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()


class Finding:
    """A use case that finds somebody."""

    async def handle(self, _query: FindProfile) -> Any:
        return SOMEBODY


def every_use_case_ends_by(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    """Have every use case raise *error*, or be ended by a signal; but not that of finding somebody."""
    ending = Ending(error)

    @asynccontextmanager
    async def use_cases() -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(
            create_profile=ending,
            erase_profile=ending,
            find_profile=Finding(),
            promote_to_admin=ending,
            unlock_account=ending,
        )

    for module in (operators, profiles, admins):
        monkeypatch.setattr(module, "opened_use_cases", use_cases)


@pytest.mark.parametrize(("words", "event", "subject"), COMMANDS)
@pytest.mark.parametrize("ended", [(None, 143), (DatabaseUnavailable(), 7)])
def test_what_may_have_been_done_is_in_the_audit_trail(
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    event: str,
    subject: str | None,
    ended: tuple[Exception | None, int],
) -> None:
    error, code = ended
    every_use_case_ends_by(monkeypatch, error)
    result = profilectl(*words, **ENVIRONMENT)
    (line,) = [json.loads(each) for each in result.stderr.splitlines() if each.startswith("{")]

    assert result.exit_code == code
    assert (line["event"], line.get("subject"), line["interrupted"]) == (event, subject, True)
    assert "ada@" not in result.output


@pytest.mark.parametrize("words", [words for words, _, _ in COMMANDS])
def test_what_was_refused_is_not(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    every_use_case_ends_by(monkeypatch, LastAdmin())
    result = profilectl(*words, **ENVIRONMENT)

    assert result.exit_code == 1
    assert said(result).startswith("Cannot run: ")
    assert "{" not in result.stderr
