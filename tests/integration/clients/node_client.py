"""The client in TypeScript as one in Python, so that one suite holds both to the same rules."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Union, Unpack

from pydantic import TypeAdapter

from asyncapi.node import find_node
from profile_contracts import errors
from profile_contracts.call_options import CallOptions
from profile_contracts.errors import CallFailed, Disconnected, ErrorReply, to_exception
from profile_contracts.event_feed import REMEMBERED, EventFeed, OnGap
from profile_contracts.events import EVENTS, Event
from profile_contracts.fields import Request
from profile_contracts.operations import Operation
from profile_contracts.profile_api import ProfileApi
from profile_contracts.replies import ErrorBody
from profile_contracts.verifier import AccessClaims, CannotVerify, TokenRefused
from tests.integration.clients.typescript import build

DRIVER = Path(__file__).with_name("driver.mjs")
_LIMIT = 2**22  # of a line, in bytes
_SECONDS = 60.0
_DATA: Mapping[str, Any] = {each.name: each.data for each in EVENTS}

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")


class Driver:
    """A Node.js that has the client, and does as it is told."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.feeds: dict[int, asyncio.Queue[dict[str, Any]]] = {}

    async def ask(self, do: str, **more: object) -> Any:
        """Return what comes of an order, or raise what the client has thrown."""
        order = next(self._ids)
        self._waiting[order] = asyncio.get_running_loop().create_future()
        self.tell(do, id=order, **more)
        async with asyncio.timeout(_SECONDS):
            return await self._waiting[order]

    def new_feed(self) -> int:
        """Return the id of a feed that is about to begin."""
        feed = next(self._ids)
        self.feeds[feed] = asyncio.Queue()
        return feed

    def tell(self, do: str, **more: object) -> None:
        """Give an order whose outcome does not matter."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"id": 0, "do": do, **more}).encode() + b"\n")

    async def read(self) -> None:
        """Hand on what the driver says, until it ends."""
        assert self.process.stdout
        async for line in self.process.stdout:
            said = json.loads(line)
            if "feed" in said:
                self.feeds[said["feed"]].put_nowait(said)
            elif waiting := self._waiting.pop(said["id"], None):
                if "failure" in said:
                    waiting.set_exception(_exception(said["failure"]))
                else:
                    waiting.set_result(said["result"])


@asynccontextmanager
async def node_client(*urls: str, retry: bool = True, replies: str = "direct") -> AsyncIterator["NodeClient"]:
    """Start a Node.js with a client on the broker at *urls*, whose replies come so."""
    await asyncio.to_thread(build)
    node = find_node().node
    plan = json.dumps({"urls": urls, "retry": retry, "replies": replies})
    process = await asyncio.create_subprocess_exec(
        *node, str(DRIVER), plan, stdin=PIPE, stdout=PIPE, limit=_LIMIT
    )
    driver = Driver(process)
    reading = asyncio.create_task(driver.read())
    try:
        yield NodeClient(driver)
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            raise
        await reading
        assert code == 0


class NodeClient(ProfileApi):
    """Asks the client in TypeScript."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    async def call(
        self,
        operation: Operation[RequestT, ResultT],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> ResultT:
        found = await self.driver.ask("call", **_order(operation, request, token, options))
        result: Any = Union[operation.results]  # noqa: UP007 - the types are known at run time only
        typed: ResultT = TypeAdapter(result).validate_json(json.dumps(found))
        return typed

    async def publish(
        self,
        operation: Operation[RequestT, Any],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        await self.driver.ask("publish", **_order(operation, request, token, options))

    def events(
        self,
        *keys: str,
        queue: str | None = None,
        on_gap: OnGap | None = None,
        remember: int = REMEMBERED,  # noqa: ARG002 - the suite needs no other
    ) -> "NodeFeed":
        return NodeFeed(self.driver, keys, queue, on_gap)


class NodeFeed(EventFeed):
    """Events as the client in TypeScript gives them."""

    def __init__(
        self, driver: Driver, keys: tuple[str, ...], queue: str | None, on_gap: OnGap | None
    ) -> None:
        self._driver = driver
        self._keys = keys
        self._name = queue
        self._on_gap = on_gap
        self._feed = driver.new_feed()
        self._is_connected = asyncio.Event()
        self.gaps = 0
        self.passed_over = 0

    @property
    def connected(self) -> bool:
        return self._is_connected.is_set()

    async def wait_connected(self) -> None:
        await self._is_connected.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver.tell("done" if kind is None else "fail", feed=self._feed)
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Event[Any]]:
        self._driver.tell("listen", id=self._feed, keys=self._keys, queue=self._name)
        while (said := await self._driver.feeds[self._feed].get())["kind"] != "ended":
            if said["kind"] == "connected":
                self._is_connected.set()
                continue
            if said["kind"] == "event":
                yield _event(said["event"])
            else:
                self.gaps = said["gaps"]
                if self._on_gap:
                    await self._on_gap()
            self._driver.tell("done", feed=self._feed)
        if "failure" in said:
            raise _exception(said["failure"])

    async def close(self) -> None:
        await self._driver.ask("close", feed=self._feed)


class NodeVerifier:
    """Verifies access tokens as the client in TypeScript does, with the *options* of its verifier."""

    def __init__(self, driver: Driver, **options: str | float) -> None:
        self._driver = driver
        self._verifier = driver.new_feed()
        self._options = options

    async def __aenter__(self) -> Self:
        await self._driver.ask("startVerifier", verifier=self._verifier, options=self._options)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._driver.ask("closeVerifier", verifier=self._verifier)

    async def feed_is_up(self) -> bool:
        return bool(await self._driver.ask("feedIsUp", verifier=self._verifier))

    async def verify(self, token: str) -> AccessClaims:
        return AccessClaims.model_validate(
            await self._driver.ask("verify", verifier=self._verifier, token=token), strict=False
        )


def _order(
    operation: Operation[Any, Any], request: Request, token: str | None, options: CallOptions
) -> dict[str, object]:
    camel = {
        "idempotencyKey": options.get("idempotency_key"),
        "clientIp": options.get("client_ip"),
        "userAgent": options.get("user_agent"),
        "traceparent": options.get("traceparent"),
        "timeoutMs": None if (seconds := options.get("timeout")) is None else seconds * 1000,
    }
    return {
        "operation": operation.queue,
        "request": json.loads(request.model_dump_json()),
        "token": token,
        "options": {name: value for name, value in camel.items() if value is not None},
    }


def _event(said: dict[str, Any]) -> Event[Any]:
    data: Any = _DATA[said["type"]]
    event: Event[Any] = Event[data].model_validate_json(json.dumps(said))
    return event


def _exception(failure: dict[str, Any]) -> Exception:
    name = failure["name"]
    if name == ErrorReply.__name__:
        return to_exception(ErrorBody.model_validate(failure["error"]))
    if name == Disconnected.__name__:
        return Disconnected(failure["message"], sent=failure["sent"])
    if name == TokenRefused.__name__:
        return TokenRefused(failure["reason"])
    if name == CannotVerify.__name__:
        return CannotVerify(failure["reason"])
    kind = getattr(errors, name, None)
    if kind is None:
        return ValueError(failure["reason"]) if name == "RangeError" else RuntimeError(str(failure))
    assert issubclass(kind, CallFailed)
    assert (kind.code, kind.reason) == (failure["code"], failure["reason"])
    assert kind.retryable is failure["retryable"]
    exception: Exception = kind(failure["message"])
    return exception
