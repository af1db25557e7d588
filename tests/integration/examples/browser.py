"""What a browser or a program does to a gateway, without the page: HTTP, with cookies."""

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Browser:
    """Keeps cookies.

    Attributes:
        url: Where the gateway is.

    """

    url: str
    cookies: CookieJar = field(default_factory=CookieJar)

    def kept(self) -> dict[str, str | None]:
        """Return the cookies, by their names."""
        return {each.name: each.value for each in self.cookies}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Return the response; underscores in *headers* stand for hyphens."""
        data = None if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            given["content-type"] = "application/json"
        request = Request(self.url + path, data, given, method=method)  # noqa: S310 - http, ours
        opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.cookies))
        try:
            with opener.open(request, timeout=_SECONDS) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())


def send(
    url: str, method: str, path: str, *headers: tuple[str, str], body: bytes | Iterable[bytes] = b""
) -> Answer:
    """Return the response to what no browser sends: a header twice, any text in it, and any body.

    A *body* in parts is sent in chunks, without its length.
    """
    place = urlsplit(url)
    with closing(HTTPConnection(place.hostname or "", place.port, timeout=_SECONDS)) as connection:
        connection.putrequest(method, path)
        for each in headers:
            connection.putheader(*each)
        if isinstance(body, bytes):
            connection.putheader("Content-Length", str(len(body)))
        else:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(body, encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
