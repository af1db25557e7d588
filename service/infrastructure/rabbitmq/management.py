"""What RabbitMQ's management API says about our virtual host."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Self

from yarl import URL

from service.infrastructure.rabbitmq.topology import Policy
from service.pkg.management_api import ManagementApi, ManagementError


class ManagementRefused(Exception):
    """The management API did not do what it was asked for; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Management:
    """Speaks to the management API about one virtual host."""

    api: ManagementApi
    vhost: str

    @classmethod
    def of(cls, management_url: str, rabbitmq_url: URL) -> Self:
        """Log in as *management_url* says, else as *rabbitmq_url* does, whose virtual host is meant."""
        url = URL(management_url)
        who = url if url.user else rabbitmq_url
        address = str(url.with_user(None).with_query(None).with_fragment(None)).rstrip("/")
        api = ManagementApi(address, who.user or "guest", who.password or "guest")
        return cls(api, rabbitmq_url.path[1:] or "/")

    async def get(self, what: str) -> list[dict[str, Any]]:
        """Return all *what* (queues, bindings, policies) of the virtual host."""
        listed: list[dict[str, Any]] = await self._call(f"GET {what}", lambda: self.api.get(what, self.vhost))
        return listed

    async def put_policy(self, policy: Policy) -> None:
        """Make a policy."""
        await self._call(
            "PUT policies", lambda: self.api.put("policies", self.vhost, policy.name, body=policy.body)
        )

    async def _call(self, what: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
        api = self.api
        try:
            return await asyncio.to_thread(call)
        except ManagementError as error:
            raise ManagementRefused(
                f"The management API at {api.url} refuses {what} with {error.status}: "
                f"may {api.user} do that, and is the password right?"
            ) from None
        except (OSError, HTTPException, ValueError) as error:
            raise ManagementRefused(f"No management API answers at {api.url}: {error}") from None
