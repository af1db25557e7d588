"""Answers the questions of an orchestrator over HTTP: is the process alive, is it ready?"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

# By path: whether all is well, and what to say about it.
Questions = Mapping[str, Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]]]

# A loop that takes longer does nothing else in time, either.
_SECONDS: Final = 3.0


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0
    questions: Questions
    loop: asyncio.AbstractEventLoop

    def do_GET(self) -> None:
        """Answer 200 or 503, with JSON."""
        question = self.questions.get(self.path)
        if question is None:
            return self._answer(404, {"status": "not found"})
        asking = asyncio.run_coroutine_threadsafe(_asked(question), self.loop)
        try:
            well, body = asking.result(_SECONDS)
        except TimeoutError:
            asking.cancel()
            well, body = False, {"status": "stuck"}
        return self._answer(200 if well else 503, body)

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
        """Say nothing: probes come every few seconds."""


async def _asked(
    question: Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]],
) -> tuple[bool, Mapping[str, Any]]:
    return await question()


@contextmanager
def answering(port: int, questions: Questions) -> Iterator[int]:
    """Answer *questions* on *port* while the block lasts; 0 takes any. Gives the port.

    A thread answers, which asks the event loop: so a loop that is stuck is told from one that is not.

    Raises:
        OSError: Something else listens there.

    """
    loop = asyncio.get_running_loop()
    handler = type("Handler", (_Handler,), {"questions": questions, "loop": loop})
    with ThreadingHTTPServer(("", port), handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, name="probes", daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
