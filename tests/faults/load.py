"""Commands at a steady pace, whose senders wait for the replies."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.integration.gateway import Gateway
from tests.integration.identity.people import logged_in, signed_up
from tests.integration.replies import result
from tests.integration.requests import a_request

# More profiles and posts than commands can be in hand: none has to wait for another one's write.
THINGS = 200
# A machine that cannot bear the rate gets as much as it can bear: no test depends on how fast it is.
MOST = 10_000
PATIENCE = 600.0

Change = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Load:
    """Commands, and what came of each.

    Attributes:
        service: Trusted to change profiles. Posts are changed by the user of *token*.
        changes: Commands without end: queue and body.

    """

    service: Gateway
    token: str
    changes: Iterator[Change]
    asked: list[asyncio.Task[dict[str, Any]]] = field(default_factory=list)

    async def run(self, rate: float) -> None:
        """Send so many commands a second, for ever, as long as not too many wait for their replies.

        One that is late makes up for it.
        """
        now = asyncio.get_running_loop().time
        began = now()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number / rate - now()))
            if len(self.service.waiting) < MOST:
                self.send()

    def send(self) -> None:
        """Send the next command."""
        queue, body = next(self.changes)
        token = self.token if queue.startswith("post.") else None
        asking = self.service.ask(
            queue, body, token=token, timeout=PATIENCE, expiration=PATIENCE, delivery_mode=2
        )
        self.asked.append(asyncio.create_task(asking))

    async def results(self) -> list[dict[str, Any]]:
        """Wait for all replies, and return what is in them; every command has to have exactly one."""
        replies = await asyncio.gather(*self.asked)
        heard = Counter(each.correlation_id for each in self.service.replies)
        assert set(heard.values()) == {1}
        assert heard.total() == self.service.sent.total()
        return [result(each) for each in replies]


async def load_on(service: Gateway) -> Load:
    """Return a load on profiles and posts that are made for it."""
    people = await asyncio.gather(*(signed_up(service) for _ in range(THINGS)))
    token = (await logged_in(service, people[0]))["access_token"]
    asked = [service.ask("post.create", a_request("post.create"), token=token) for _ in range(THINGS)]
    posts = [result(each) for each in await asyncio.gather(*asked)]
    return Load(service, token, _changes([each["id"] for each in people], [each["id"] for each in posts]))


def _changes(profiles: list[str], posts: list[str]) -> Iterator[Change]:
    """Yield commands: of ten, eight change a profile, one changes a post, and one writes one."""
    whose, which = itertools.cycle(profiles), itertools.cycle(posts)
    for number in itertools.count():
        if number % 10 == 0:
            yield "post.create", a_request("post.create")
        elif number % 10 == 5:
            yield "post.update", {"id": next(which), "title": f"Note {number}"}
        else:
            yield "profile.update", {"id": next(whose), "last_name": f"King {number}"}


def assert_done_once(results: list[dict[str, Any]]) -> None:
    """Check that each command has made one version, and that none is missing."""
    versions: dict[str, list[int]] = defaultdict(list)
    for each in results:
        versions[each["id"]].append(each["version"])
    for made in versions.values():
        # What was there before is changed on and on; what was written under the load is not changed.
        assert sorted(made) in (list(range(2, len(made) + 2)), [1])
