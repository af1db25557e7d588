"""Answers questions about a process over HTTP: is it alive, is it ready, how much has it done?"""

import asyncio
import errno
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Document:
    """What is not JSON, with its media type."""

    media_type: str
    content: bytes


# Whether all is well, and what to say about it: JSON, if it is no document.
Answer = tuple[bool, Mapping[str, Any] | Document]
# By path.
HealthRoutes = Mapping[str, Callable[[], Awaitable[Answer]]]

# A loop that takes longer does nothing else in time, either.
_SECONDS: Final = 3.0
# What `localhost` is (RFC 6761, 6.3). Not every machine can look it up: a bare root has no /etc/hosts.
_LOOPBACK: Final = ("127.0.0.1", "::1")
# A machine may know an address by name and not have it: `::1` where IPv6 is switched off.
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
# All addresses of this machine, and those of IPv4.
_ALL: Final = "::"
_ALL_OF_IPV4: Final = "0.0.0.0"  # noqa: S104 - only where `::` was asked for


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0
    wbufsize = -1  # head and body leave together: a process that ends in between would say half of it
    routes: HealthRoutes
    loop: asyncio.AbstractEventLoop

    def do_GET(self) -> None:
        """Answer 200 or 503, with JSON or a document."""
        route = self.routes.get(self.path.partition("?")[0])
        if route is None:
            return self._answer(404, {"status": "not found"})
        asking = asyncio.run_coroutine_threadsafe(_asked(route), self.loop)
        well: bool
        body: Mapping[str, Any] | Document
        try:
            well, body = asking.result(_SECONDS)
        except TimeoutError:
            asking.cancel()
            well, body = False, {"status": "stuck"}
        return self._answer(200 if well else 503, body)

    do_HEAD = do_GET  # noqa: N815 - as http.server has it

    def _answer(self, status: int, body: Mapping[str, Any] | Document) -> None:
        if not isinstance(body, Document):
            body = Document("application/json", json.dumps(body).encode())
        self.send_response(status)
        self.send_header("Content-Type", body.media_type)
        self.send_header("Content-Length", str(len(body.content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
        """Say nothing: probes come every few seconds."""


class _Server(ThreadingMixIn, TCPServer):
    """Listens on one address. `http.server` has one, too, which looks for its own name in the DNS."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self, family: int, address: tuple[Any, ...], handler: type[_Handler], *, alone: bool
    ) -> None:
        self.address_family = family
        self._is_alone = alone
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Leave IPv4 to whoever listens there; `::` without one takes both."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not self._is_alone)
        super().server_bind()

    def shutdown(self) -> None:
        """End at once: `serve_forever` looks whether it should twice a second, and when somebody connects."""
        with suppress(OSError):  # what only listens can be shut down on Linux, not everywhere
            self.socket.shutdown(socket.SHUT_RDWR)
        super().shutdown()


async def _asked(question: Callable[[], Awaitable[Answer]]) -> Answer:
    return await question()


@contextmanager
def serve_health(port: int, routes: HealthRoutes, host: str = "localhost") -> Iterator[int]:
    """Answer *routes* on *port* while the block lasts; 0 takes any. Gives the port.

    They are answered on all addresses of *host*, of IPv4 and of IPv6; `::` is those of IPv4 where there is
    no IPv6. A thread answers, which asks the event loop: so a loop that is stuck is told from one that is
    not.

    Raises:
        OSError: Something else listens there, or *host* is no address of this machine.

    """
    loop = asyncio.get_running_loop()
    handler = type("Handler", (_Handler,), {"routes": routes, "loop": loop})
    with ExitStack() as stack:
        for server in (servers := _listening(host, port, handler)):
            stack.enter_context(server)
        for server in servers:
            Thread(target=server.serve_forever, name="probes", daemon=True).start()
            stack.callback(server.shutdown)
        yield servers[0].server_address[1]


def _listening(host: str, port: int, handler: type[_Handler]) -> Sequence[_Server]:
    """Return a server for each address of *host* that this machine has, all on the same port."""
    names = _LOOPBACK if host == "localhost" else (host,)
    kind, passive = socket.SOCK_STREAM, socket.AI_PASSIVE
    found = {each for name in names for each in socket.getaddrinfo(name, port, type=kind, flags=passive)}
    servers: list[_Server] = []
    with ExitStack() as undo:
        missing: OSError | None = None
        for family, _, _, _, (name, _, *rest) in sorted(found):
            taken = servers[0].server_address[1] if servers else port
            try:
                server = _Server(family, (name, taken, *rest), handler, alone=len(found) == 1)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                servers.append(undo.enter_context(server))
        if missing and not servers:
            if host == _ALL and missing.errno == errno.EAFNOSUPPORT:  # the kernel was started without IPv6
                return _listening(_ALL_OF_IPV4, port, handler)
            raise missing
        undo.pop_all()
    return servers
