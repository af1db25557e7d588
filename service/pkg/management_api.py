"""RabbitMQ's management API, blocking, with nothing but the standard library."""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from service.pkg.direct_http import open_directly


class ManagementError(Exception):
    """The management API refused a request."""

    def __init__(self, status: int, sentence: str) -> None:
        """Keep the HTTP *status* for callers that expect it."""
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class ManagementApi:
    """Speaks to the management API: `get("queues", vhost, name)` is GET /api/queues/<vhost>/<name>.

    Every method raises `ManagementError` on a refusal, and `OSError`, `HTTPException` or `ValueError` when no
    management API answers.
    """

    url: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, management_url: str, rabbitmq_url: str) -> Self:
        """Log in with the credentials of *rabbitmq_url*."""
        amqp = urlsplit(rabbitmq_url)
        return cls(
            management_url.rstrip("/"), unquote(amqp.username or "guest"), unquote(amqp.password or "guest")
        )

    def get(self, *path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API says about *path*."""
        return self._call("GET", path)

    def put(self, *path: str, body: object = None) -> None:
        """Create or replace *path*."""
        self._call("PUT", path, {} if body is None else body)

    def post(self, *path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send *body* to *path*."""
        return self._call("POST", path, {} if body is None else body)

    def delete(self, *path: str) -> None:
        """Delete *path*."""
        self._call("DELETE", path)

    def _call(self, method: str, path: tuple[str, ...], body: object = None) -> Any:  # noqa: ANN401 - JSON
        where = "/".join(quote(part, safe="") for part in path)
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - whoever runs this chose the address
            f"{self.url}/api/{where}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Basic {token}", "content-type": "application/json"},
        )
        try:
            with open_directly(request, timeout=10) as response:
                answer = response.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                reason = refusal.read().decode(errors="replace")
            sentence = f"{method} /api/{where}: {refusal.code} {reason}"
            raise ManagementError(refusal.code, sentence) from None
        return json.loads(answer) if answer else None
