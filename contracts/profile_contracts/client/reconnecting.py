"""A channel for requests whenever one is needed: lost connections are made again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from yarl import URL

from profile_contracts.client.channel import RpcChannel
from profile_contracts.client.connection import lost_connection
from profile_contracts.client.first_connection import Connected, ending_with, first_connection
from profile_contracts.client.refusals import Refusals, RefusalsByQueue
from profile_contracts.client.replies import DirectReplies, ReplyMode, ReplyQueue
from profile_contracts.client.retries import backoff
from profile_contracts.errors import CallFailed, Disconnected, NotSent

_CLOSE_SECONDS: Final = 2.0


class RpcConnection:
    """Connects to one of several addresses, again and again, until it is closed.

    Args:
        urls: Where the broker is, all for one user, in the order in which they are tried. One that does not
            let us in soon has the next one tried beside it, and the first to do so is taken.
        connect_timeout: How long connecting to one of them may take, in seconds.
        replies: How replies come.

    Raises:
        ValueError: There is no such way for replies.

    """

    def __init__(self, urls: Sequence[URL], connect_timeout: float, replies: ReplyMode) -> None:
        self._urls: Sequence[URL] = urls
        self._connect_timeout = connect_timeout
        self._reply_queue = self._queue(replies, urls[0].user)
        self._channel: RpcChannel | None = None
        self._refusals = RefusalsByQueue(Refusals)
        self._connecting: asyncio.Task[RpcChannel] | None = None
        self._coming_back: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether it was told to close."""
        return self._closing.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until it is told to close."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _queue(self, replies: ReplyMode, user: str | None) -> ReplyQueue | None:
        if replies == "direct":
            return None
        if replies != "queue":
            raise ValueError("Replies come by 'direct' or 'queue'.")
        if not user:
            raise ValueError("The address has to name the user: the queue of replies is called after them.")
        return ReplyQueue(user, self._come_back)

    async def channel(self) -> RpcChannel:
        """Return a channel that is open, connecting again if the last one broke or is stuck.

        All who ask share one attempt, and none of them ends it by giving up.

        Raises:
            Disconnected: The broker isn't there, or lets nobody in, or says nothing.
            QueueRefused: The user may not have a queue of replies.
            NotSent: The client is closed.

        """
        if self.is_closed:
            raise NotSent("The client is closed.")
        if self._channel and self._channel.is_open and not await self._channel.is_stuck():
            return self._channel
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_retrieve)
        with lost_connection(sent=False):  # the client may be closed meanwhile, which ends the attempt
            return await asyncio.shield(self._connecting)

    async def close(self) -> None:
        """Disconnect, within a few seconds; who waits for a reply is `Disconnected`."""
        self._closing.set()
        unfinished = [each for each in (self._connecting, self._coming_back) if each and not each.done()]
        for each in unfinished:
            each.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=_CLOSE_SECONDS)
        if self._reply_queue:
            await self._leave(self._reply_queue)
        if self._channel:
            await self._channel.close()

    async def _connect(self) -> RpcChannel:
        if self._channel:
            before = self._channel.refusals.items()
            self._refusals = RefusalsByQueue(Refusals, {queue: each.begin_anew() for queue, each in before})
            await self._channel.close()
        urls = self._urls
        while True:
            connected = await first_connection(urls, self._connect_timeout)
            self._urls = ending_with(connected.url, self._urls)  # another one comes first the next time
            try:
                self._channel = await self._channel_on(connected)
            except Disconnected:
                if not (urls := connected.others):
                    raise
            else:
                return self._channel

    async def _channel_on(self, connected: Connected) -> RpcChannel:
        """Open a channel, on one connection at a time: they share the queue of replies."""
        try:
            async with asyncio.timeout_at(connected.deadline):
                return await RpcChannel.open(
                    connected.connection, self._reply_queue or DirectReplies(), self._refusals
                )
        except TimeoutError:
            message = f"The broker did not let us in within {self._connect_timeout:g} s."
            raise Disconnected(message, sent=False) from None

    def _come_back(self) -> None:
        """Connect again even if nobody sends anything, for there may be replies in our queue."""
        if not self.is_closed and (self._coming_back is None or self._coming_back.done()):
            self._coming_back = asyncio.create_task(self._connect_for_replies())

    async def _connect_for_replies(self) -> None:
        tries = 0
        while self._reply_queue and self._reply_queue.are_awaited:
            with suppress(CallFailed):
                if (await self.channel()).is_open:
                    return
            tries += 1
            pause = backoff(tries)
            await asyncio.sleep(pause)

    async def _leave(self, queue: ReplyQueue) -> None:
        """Tell who waits that no reply will come, and delete *queue*; if that is not possible, it expires."""
        queue.give_up()
        if self._channel and self._channel.is_open:
            self._channel.lose()
            with suppress(Disconnected, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await queue.delete()


def _retrieve(attempt: asyncio.Task[RpcChannel]) -> None:
    """Look at how *attempt* ended, for callers who no longer wait for it: asyncio would complain."""
    if not attempt.cancelled():
        attempt.exception()
