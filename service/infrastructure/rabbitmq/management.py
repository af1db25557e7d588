"""RabbitMQ's management API, with nothing but the standard library."""

import asyncio
import base64
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import quote

from yarl import URL

_SECONDS: Final = 10
# Brokers are inside: a proxy from the environment would only be in the way.
_open: Final = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class ManagementRefused(Exception):
    """The management API did not do what it was asked for; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Management:
    """Speaks to the management API about one virtual host."""

    address: str
    user: str
    password: str = field(repr=False)
    vhost: str

    @classmethod
    def of(cls, management_url: str, rabbitmq_url: URL) -> Self:
        """Log in as *management_url* says, else as *rabbitmq_url* does, whose virtual host is meant."""
        url = URL(management_url)
        who = url if url.user else rabbitmq_url
        address = str(url.with_user(None).with_query(None).with_fragment(None)).rstrip("/")
        vhost = rabbitmq_url.path[1:] or "/"
        return cls(address, who.user or "guest", who.password or "guest", vhost)

    async def get(self, what: str) -> list[dict[str, Any]]:
        """Return all *what* (queues, exchanges, bindings, policies) of the virtual host."""
        listed: list[dict[str, Any]] = await asyncio.to_thread(self._call, "GET", (what, self.vhost))
        return listed

    async def put_policy(self, name: str, body: dict[str, Any]) -> None:
        """Make a policy."""
        await asyncio.to_thread(self._call, "PUT", ("policies", self.vhost, name), body)

    def _call(self, method: str, path: tuple[str, ...], body: object = None) -> Any:  # noqa: ANN401 - JSON
        where = "/".join(quote(part, safe="") for part in path)
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - the command line takes no other than http and https
            f"{self.address}/api/{where}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Basic {token}", "content-type": "application/json"},
        )
        try:
            with _open(request, timeout=_SECONDS) as response:
                answer = response.read()
            return json.loads(answer) if answer else None
        except urllib.error.HTTPError as refusal:
            refusal.close()
            raise ManagementRefused(
                f"The management API at {self.address} refuses {method} {path[0]} with {refusal.code}: "
                f"may {self.user} do that, and is the password right?"
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ManagementRefused(f"No management API answers at {self.address}: {error}") from None
