"""Those who send good requests to one worker, and those who send hostile ones."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.hostile import FORGED, GONE, Kind
from tests.integration.broker import administrating
from tests.integration.gateway import REPLY_TO, Gateway, connected
from tests.integration.identity.people import logged_in, signed_up
from tests.integration.undecodable import writing_anything
from tools.servers.sandbox import Sandbox

# A query and a command, whose queues are of different types.
QUEUES = ("profile.get", "profile.update")
# More than commands can be in hand: none has to wait for another one's write.
PROFILES = 40
PATIENCE = 300.0


@dataclass(slots=True)
class LoadGenerator:
    """Sends requests as a trusted service.

    Attributes:
        given: What stands in hostile messages, and what is sent in its place.

    """

    service: Gateway
    profiles: Iterator[str]
    given: Mapping[str, str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def ask(self, queue: str) -> dict[str, Any]:
        """Send a good request, and return the reply."""
        return await self.service.ask(queue, self.request(queue), timeout=PATIENCE)

    async def harm(self, queue: str, kind: Kind) -> dict[str, Any] | None:
        """Send a hostile message, and return the reply, if there can be one."""
        body = kind.body or self.request(queue)
        properties = {name: self._put_in(value) for name, value in kind.properties.items()}
        if kind.is_answered:
            return await self.service.ask(queue, body, timeout=PATIENCE, **properties)
        await self.service.tell(queue, body, **properties)
        return None

    def request(self, queue: str) -> dict[str, str]:
        """Return a good request."""
        change = {"last_name": f"King {next(self.numbers)}"} if queue == "profile.update" else {}
        return {"id": next(self.profiles), **change}

    def _put_in(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._put_in(each) for name, each in value.items()}
        if isinstance(value, str) and (found := [name for name in self.given if name in value]):
            return value.replace(found[0], self.given[found[0]])
        return value


@asynccontextmanager
async def load_generator_on(sandbox: Sandbox) -> AsyncIterator[LoadGenerator]:
    """Connect to a worker that answers, and make the profiles that requests are about."""
    async with connected(sandbox.service_url, exchange="") as service:
        people = [await signed_up(service) for _ in range(PROFILES)]
        token = (await logged_in(service, people[0]))["access_token"]
        given = {GONE: await _gone_caller(sandbox), FORGED: _with_another_signature(token)}
        with writing_anything():
            yield LoadGenerator(service, itertools.cycle([each["id"] for each in people]), given)


def _with_another_signature(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{signature[::-1]}"


async def _gone_caller(sandbox: Sandbox) -> str:
    """Return where replies would go of a caller that has closed its connection."""
    async with administrating(sandbox) as broker:
        queue = await broker.reply_queue()
        async with connected(sandbox.admin_url, exchange="") as leaving:
            await leaving.tell(queue, {}, reply_to=REPLY_TO)
            address = (await broker.first(queue)).reply_to
    assert address
    return address
