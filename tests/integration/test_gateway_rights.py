"""What the broker user `gateway` may do, and what not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import yaml
from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed

from asyncapi.generate import DOCUMENT
from tests.documents import ROOT, prose
from tests.integration.gateway import COMMANDS, Gateway, connected, eventually
from tests.integration.replies import refusal, result
from tools.servers.sandbox import Sandbox

Attempt = Callable[[AbstractChannel], Awaitable[object]]


async def _declare_a_named_queue(channel: AbstractChannel) -> None:
    await channel.declare_queue("profile.mine", durable=True)


async def _declare_an_exchange(channel: AbstractChannel) -> None:
    await channel.declare_exchange("profile.mine")


async def _consume(channel: AbstractChannel) -> None:
    async def keep(message: AbstractIncomingMessage) -> None:
        await message.ack()

    await (await channel.get_queue("profile.get", ensure=False)).consume(keep)


async def _read_dead_letters(channel: AbstractChannel) -> None:
    await (await channel.get_queue("profile.create.dlq", ensure=False)).get(fail=False)


async def _purge(channel: AbstractChannel) -> None:
    await (await channel.get_queue("profile.get", ensure=False)).purge()


async def _delete(channel: AbstractChannel) -> None:
    await channel.queue_delete("profile.get")


async def _bind(channel: AbstractChannel) -> None:
    await (await channel.get_queue("profile.get", ensure=False)).bind(COMMANDS, "more")


async def _publish_to_a_queue(channel: AbstractChannel) -> None:
    await channel.default_exchange.publish(Message(b"{}"), "profile.get")


async def _bind_an_unnamed_queue_to_commands(channel: AbstractChannel) -> None:
    await (await channel.declare_queue(exclusive=True)).bind(COMMANDS, "profile.create")


async def _publish_to_another_exchange(channel: AbstractChannel) -> None:
    await (await channel.get_exchange("profile.unroutable", ensure=False)).publish(Message(b"{}"), "")


@pytest.mark.parametrize(
    "attempt",
    [
        _declare_a_named_queue,
        _declare_an_exchange,
        _consume,
        _read_dead_letters,
        _purge,
        _delete,
        _bind,
        _publish_to_a_queue,
        _bind_an_unnamed_queue_to_commands,
        _publish_to_another_exchange,
    ],
    ids=lambda attempt: attempt.__name__.strip("_"),
)
async def test_a_gateway_may_not(sandbox: Sandbox, attempt: Attempt) -> None:
    async with await connect(sandbox.gateway_url) as connection:
        channel = await connection.channel()

        with pytest.raises(ChannelAccessRefused):
            await attempt(channel)


async def test_a_gateway_may_publish_commands_and_use_direct_reply_to(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    assert gateway.user == "gateway"
    async with connected(sandbox.gateway_url) as another:
        assert result(await another.ask("auth.keys", {}))


async def test_every_documented_operation_is_open_to_a_gateway_by_the_documented_exchange(
    gateway: Gateway,
) -> None:
    """`gateway` publishes there as the user of that name."""
    document: dict[str, Any] = yaml.load(DOCUMENT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    channel = document["channels"]["profileCommands"]
    assert channel["bindings"]["amqp"]["exchange"]["name"] == COMMANDS
    queues = channel["parameters"]["queue"]["enum"]
    received = [each["title"] for each in document["operations"].values() if each["action"] == "receive"]
    assert sorted(queues) == sorted(received)

    for queue in queues:
        reply = await gateway.ask(queue, {"unknown": 1})
        assert refusal(reply) == ("invalid", "malformed_request"), queue


@pytest.mark.parametrize("name", ["", "gateway.replies"])
async def test_every_documented_address_of_replies_is_open_to_a_gateway(
    gateway: Gateway, sandbox: Sandbox, name: str
) -> None:
    async with await connect(sandbox.gateway_url) as connection:
        queue = await (await connection.channel()).declare_queue(name, exclusive=True)
        await gateway.tell("auth.keys", {}, reply_to=queue.name)

        async def arrived() -> AbstractIncomingMessage | None:
            return await queue.get(no_ack=True, fail=False)

        reply = await eventually(arrived)

    assert reply is not None
    assert b'"ok":true' in reply.body


def test_the_page_on_publishing_names_these_routes_and_says_which_one_is_not_a_gateways() -> None:
    page = " ".join(prose(ROOT / "docs/howto/publish.md").split())

    assert "`amq.rabbitmq.reply-to`" in page
    assert "`amq.gen-…`" in page
    assert "such as `gateway.replies`" in page
    assert "the default exchange, which the shipped `gateway` may not use" in page


async def test_a_gateway_cannot_pass_for_another_user(sandbox: Sandbox) -> None:
    async with await connect(sandbox.gateway_url) as connection:
        channel = await connection.channel()
        commands = await channel.get_exchange(COMMANDS, ensure=False)

        with pytest.raises(ChannelPreconditionFailed):
            await commands.publish(Message(b"{}", user_id="profile-service"), "profile.get")
