"""Clients as a careful gateway would write them: what was not answered is asked again by the same name."""

import asyncio
import itertools
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError

from service.infrastructure.rabbitmq.connection import map_cancellation
from service.pkg.broker_urls import broker_urls
from tests.faults.generators import RequestGenerator
from tests.faults.model import Author, Wish
from tests.faults.records import Answer, History, Sent
from tests.integration.connections import connect
from tests.integration.gateway import REPLY_TO

# Requests of a client at the same time, and the pause after each, at most.
_AT_ONCE: Final = 3
_PACE: Final = 0.25
# Of one client that keeps to a rate, at the same time, at most.
_MOST: Final = 100
_SLOWEST: Final = 10
# After how many seconds a client is somebody else.
_LIFE_OF_AUTHORS: Final = (5.0, 20.0)
# How long they wait who set a limit.
_SHORT: Final = (1.5, 4.0)
# Of all requests: those that are sent again later; of the others: those that nobody waits for, where that
# is possible, those that are sent twice at once, and those without a limit.
_AGAIN, _TOLD, _TWICE, _UNLIMITED = 0.12, 0.4, 0.15, 0.15

# A line that is silent for three of these, and a second each, is given up.
_HEARTBEAT_SECONDS: Final = 2
_CONNECT_SECONDS: Final = 8.0
# A channel whose messages are not confirmed for so long is given up, too. RabbitMQ 3.10 asks the node that
# leads a queue before it takes a first message to it, and while that node is cut off, it asks about each one.
_CONFIRM_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.2


@dataclass(slots=True)
class Client:
    """One client on a connection of its own.

    Attributes:
        unlimited: How long it waits where it sets no limit.
        lately: What it has asked for lately, and may ask for again.

    """

    user: str
    generator: RequestGenerator
    history: History
    unlimited: float
    waiting: dict[str, asyncio.Future[Answer | None]] = field(default_factory=dict)
    line: "Line" = field(init=False)
    lately: deque[Wish] = field(default_factory=lambda: deque(maxlen=30))
    sendings: Iterator[int] = field(default_factory=itertools.count)

    @property
    def chance(self) -> random.Random:
        """What this client leaves to chance."""
        return self.generator.chance

    async def sign_up(self) -> None:
        """Make the user whose posts this client writes."""
        wish = self.generator.new_author()
        made = await self.ask(wish, None)
        login = {name: wish.body[name] for name in ("email", "password")}
        tokens = await self.ask(Wish("auth.login", login), None)
        passes = self.generator.client % 2 > 0
        self.generator.author = Author(made.result["id"], tokens.result["access_token"], passes)

    async def run(self, over: asyncio.Event, rate: float | None) -> None:
        """Ask until it is *over*: for so many things a second, or for a few at the same time."""
        asking = [self._keep_up(rate, over)] if rate else [self._run(over) for _ in range(_AT_ONCE)]
        await asyncio.gather(*asking, self._change_authors(over))

    async def _keep_up(self, rate: float, over: asyncio.Event) -> None:
        """Ask for so many things a second, whatever becomes of them.

        Where too many are under way, some are left out: a system that is overloaded shows nothing but that.
        """
        began = asyncio.get_running_loop().time()
        asking = set[asyncio.Task[None]]()
        async with asyncio.TaskGroup() as under_way:
            for number in itertools.count(1):
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(began + number / rate):
                        await over.wait()
                        return
                if len(asking) < _MOST:
                    asking.add(one := under_way.create_task(self._another()))
                    one.add_done_callback(asking.discard)

    async def _change_authors(self, over: asyncio.Event) -> None:
        """Delete the user whose posts these are, if it is one that passes, and sign another one up."""
        while self.generator.author and self.generator.author.passes:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.chance.uniform(*_LIFE_OF_AUTHORS)):
                    await over.wait()
                    return
            await self.ask(self.generator.end_of(self.generator.author), self._patience())
            await self.sign_up()

    async def _run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._another()
            await asyncio.sleep(self.chance.uniform(0, _PACE))

    async def _another(self) -> None:
        if self.lately and self.chance.random() < _AGAIN:
            await self.ask(self.chance.choice(self.lately), self._patience())
        else:
            await self._one(self.generator.wish())

    async def _one(self, wish: Wish) -> None:
        times = 2 if wish.name and self.chance.random() < _TWICE else 1
        if wish.may_be_told and self.chance.random() < _TOLD:
            await asyncio.gather(*(self._tell(wish) for _ in range(times)))
            return
        await asyncio.gather(*(self.ask(wish, self._patience()) for _ in range(times)))
        if wish.name:
            self.lately.append(wish)

    async def ask(self, wish: Wish, patience: float | None) -> Answer:
        """Ask until there is an answer with which there is no sense in asking again."""
        for tries in itertools.count(1):
            answer = await self._ask_once(wish, patience)
            if answer and answer.is_final:
                self.generator.model.learn(wish, answer)
                return answer
            # Ever more slowly: what nobody answers for long is not to be a flood.
            await asyncio.sleep(self.chance.uniform(0.05, 0.5) * min(tries, _SLOWEST))
        raise AssertionError

    async def _ask_once(self, wish: Wish, patience: float | None) -> Answer | None:
        if wish.name is None:  # a query that was lost is not answered: nobody waits for it without a limit
            patience = _SHORT[1]
        position = len(self.history.sent)
        sent = self._note(wish, patience, waits=True)
        self.waiting[sent.key] = asyncio.get_running_loop().create_future()
        is_taken = False
        try:
            async with asyncio.timeout(patience or self.unlimited):
                await self._publish(_message(wish, sent, self.user), wish.queue)
                is_taken = True
                if answer := await self.waiting[sent.key]:
                    return answer
                raise ConnectionError  # noqa: TRY301 - as when the line breaks while it is sent
        except TimeoutError:
            self.history.sent[position] = replace(sent, is_taken=is_taken)
            return None
        except ConnectionError:  # where the reply would go is gone: it may come to nobody
            self.history.sent[position] = replace(sent, patience=sent.patience or _SHORT[1])
            return None
        finally:
            del self.waiting[sent.key]

    async def _tell(self, wish: Wish) -> None:
        """Send a request that nobody waits for, again and again until the broker has it."""
        sent = self._note(wish, None, waits=False)
        while True:
            with suppress(ConnectionError):
                await self._publish(_message(wish, sent, self.user), wish.queue)
                return

    def _note(self, wish: Wish, patience: float | None, *, waits: bool) -> Sent:
        key = f"c{self.generator.client}/{next(self.sendings)}"
        sent = Sent(key, self.generator.client, wish.queue, wish.body, _now(), wish.name, patience, waits)
        self.history.sent.append(sent)
        return sent

    async def _publish(self, message: Message, queue: str) -> None:
        """Publish until the broker says that it has it: it may lose its queue on the way.

        Raises:
            ConnectionError: Our own connection is gone, and nobody knows whether the broker has it.

        """
        while True:
            channel = await self.line.channel()
            try:
                async with asyncio.timeout(_CONFIRM_SECONDS):
                    with map_cancellation(), _bare_exceptions():
                        await channel.default_exchange.publish(message, queue, mandatory=False)
            except DeliveryError:
                await asyncio.sleep(self.chance.uniform(0.05, 0.5))
            except (AMQPError, ChannelInvalidStateError, OSError, RuntimeError) as error:
                await self.line.give_up(channel)
                raise ConnectionError from error
            else:
                return

    async def hear(self, reply: AbstractIncomingMessage) -> None:
        """Note a reply, and hand it to whoever waits for it."""
        answer = Answer(reply.correlation_id or "", json.loads(reply.body), _now())
        self.history.answers.append(answer)
        waiting = self.waiting.get(answer.key)
        if waiting and not waiting.done():
            waiting.set_result(answer)

    def lose_replies(self) -> None:
        """Tell whoever waits for a reply that none will come."""
        for waiting in self.waiting.values():
            if not waiting.done():
                waiting.set_result(None)

    def _patience(self) -> float | None:
        return None if self.chance.random() < _UNLIMITED else round(self.chance.uniform(*_SHORT), 3)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _message(wish: Wish, sent: Sent, user: str) -> Message:
    return Message(
        json.dumps(wish.body).encode(),
        content_type="application/json",
        correlation_id=sent.key,
        message_id=wish.name,
        reply_to=REPLY_TO if sent.waits else None,
        expiration=sent.patience,
        user_id=user,
        delivery_mode=DeliveryMode.PERSISTENT if wish.name else DeliveryMode.NOT_PERSISTENT,
        headers={"authorization": f"Bearer {wish.author.token}"} if wish.author else {},
    )


@contextmanager
def _bare_exceptions() -> Iterator[None]:
    """Raise `ConnectionError` where aiormq knows no fault of a line that has ended right behind a frame."""
    try:
        yield
    except Exception as error:
        if type(error) is Exception:
            raise ConnectionError from error
        raise


@dataclass(slots=True)
class Line:
    """A channel that hears replies, made anew on another node when its connection breaks.

    Attributes:
        broken: Connections that are to be closed all the same, or aio-pika's finalizer would do it, in vain.

    """

    url: str
    heartbeat: int
    hear: Callable[[AbstractIncomingMessage], Awaitable[None]]
    broke: Callable[[], None]
    current: tuple[AbstractConnection, AbstractChannel] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    broken: list[AbstractConnection] = field(default_factory=list)

    async def channel(self) -> AbstractChannel:
        """Return the channel, once there is one."""
        async with self.lock:
            while self.current is None:
                await self._bury()
                try:
                    with map_cancellation(), _bare_exceptions():
                        await self._connect()
                except (AMQPError, ChannelInvalidStateError, OSError, RuntimeError):
                    await asyncio.sleep(_PAUSE_SECONDS)
            return self.current[1]

    async def _connect(self) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await connect(self.url, self.heartbeat)
            try:
                channel = await connection.channel()
                replies = await channel.get_queue(REPLY_TO, ensure=False)
                await replies.consume(self.hear, no_ack=True)
            except BaseException:  # a cancellation, too, must leave no connection open
                await _close(connection)
                raise
        self.current = connection, channel
        connection.close_callbacks.add(self._on_close)

    def _on_close(self, *_: object) -> None:
        if self.current:
            self.broken.append(self.current[0])
        self.current = None
        self.broke()

    async def _bury(self) -> None:
        while self.broken:
            await _close(self.broken.pop())

    async def give_up(self, channel: AbstractChannel) -> None:
        """Let there be another channel than this one, in a moment."""
        if self.current and self.current[1] is channel:
            await self.close()
        await asyncio.sleep(_PAUSE_SECONDS)

    async def close(self) -> None:
        """Say goodbye."""
        if self.current:
            (connection, _), self.current = self.current, None
            self.broke()
            self.broken.append(connection)
        await self._bury()


async def _close(connection: AbstractConnection) -> None:
    try:
        with suppress(AMQPError, OSError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                await connection.close()
    finally:
        await connection.close()  # where that was given up, it only says so now, and waits for nothing


@asynccontextmanager
async def client_of(
    url: str, generator: RequestGenerator, history: History, unlimited: float
) -> AsyncIterator[Client]:
    """Connect a client as the user that *url* names."""
    # One that cannot go elsewhere is not told to look whether its node is still there.
    heartbeat = _HEARTBEAT_SECONDS if len(broker_urls(url)) > 1 else 0
    client = Client(urlsplit(url).username or "", generator, history, unlimited)
    client.line = Line(url, heartbeat, client.hear, client.lose_replies)
    await client.line.channel()
    yield client
    await client.line.close()
