"""Channels on which the broker confirms nothing more, as before RabbitMQ 4.2 when a node was cut off."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from profile_contracts.client import ProfileClient
from profile_contracts.errors import CallFailed, NoReply
from profile_contracts.event_feed import EventFeed
from profile_contracts.operations import PROFILE_CREATE
from profile_contracts.profile_api import ProfileApi
from tests.faults.alarms import memory_alarm, node_of, suspend_channels
from tests.faults.history import listening
from tests.integration.broker import Broker, administrating
from tests.integration.clients.subjects import a_sign_up
from tests.integration.clients.test_broken_lines import Opened, both
from tests.integration.gateway import eventually
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers
from tools.servers.sandbox import GATEWAY, SERVICE, Sandbox

# Longer than a client waits for a confirm, altogether.
_IN_VAIN = 4
_MORE_THAN_A_PREFETCH = 40


@pytest.fixture
async def stage(own_servers: Servers, tmp_path: Path) -> AsyncIterator[tuple[Sandbox, Broker]]:
    """A worker on a broker of its own."""
    with isolated_sandbox(own_servers) as sandbox:
        async with administrating(sandbox) as broker, working(sandbox, tmp_path, {}):
            yield sandbox, broker


async def _answers(client: ProfileApi) -> bool:
    try:
        return bool((await client.keys(timeout=5)).keys)
    except CallFailed:
        return False


async def _lines(broker: Broker, user: str) -> set[str]:
    """Return the connections of *user*, once the console knows of any."""

    async def known() -> set[str]:
        return {str(each["name"]) for each in await broker.connections() if each["user"] == user}

    return await eventually(known)


@pytest.mark.at_length
async def test_a_worker_gives_up_channels_on_which_nothing_is_confirmed(
    stage: tuple[Sandbox, Broker],
) -> None:
    sandbox, broker = stage

    async def both_are_told() -> bool:
        return len(told.versions) == 2

    async with ProfileClient(sandbox.gateway_url) as client, listening(sandbox.admin_url) as told:
        await client.create_profile(a_sign_up())  # whose reply goes by itself, as the first to its address
        await suspend_channels(broker, SERVICE)
        with pytest.raises(NoReply):
            await client.create_profile(a_sign_up(), timeout=2)

        assert await eventually(both_are_told)
        assert (await client.create_profile(a_sign_up(), timeout=60)).version == 1


@pytest.mark.at_length
async def test_a_worker_that_gets_nothing_from_a_queue_that_holds_something_consumes_anew(
    stage: tuple[Sandbox, Broker],
) -> None:
    sandbox, broker = stage

    async def all_are_made() -> bool:
        return len(told.versions) == _MORE_THAN_A_PREFETCH

    async with ProfileClient(sandbox.gateway_url) as client, listening(sandbox.admin_url) as told:
        await suspend_channels(broker, SERVICE, consumers=1)
        for _ in range(_MORE_THAN_A_PREFETCH):
            await client.publish(PROFILE_CREATE, a_sign_up())

        assert await eventually(all_are_made, within=150)


@pytest.mark.at_length
@both
async def test_a_client_gives_up_a_channel_on_which_nothing_is_confirmed(
    stage: tuple[Sandbox, Broker], opened: Opened
) -> None:
    sandbox, broker = stage
    async with opened(sandbox.gateway_url) as client:
        assert await _answers(client)
        await suspend_channels(broker, GATEWAY)
        assert not await _answers(client)
        assert await eventually(lambda: _answers(client))


@pytest.mark.at_length
@both
async def test_a_client_keeps_a_connection_that_an_alarm_blocks(
    stage: tuple[Sandbox, Broker], opened: Opened
) -> None:
    sandbox, broker = stage
    node = await node_of(broker)
    assert node
    async with opened(sandbox.gateway_url) as client:
        assert await _answers(client)
        before = await _lines(broker, GATEWAY)
        async with memory_alarm(node):
            answered = [await _answers(client) for _ in range(_IN_VAIN)]
        assert await eventually(lambda: _answers(client))
        after = await _lines(broker, GATEWAY)

    assert not any(answered)
    assert before == after


@pytest.mark.at_length
@both
async def test_a_subscriber_that_gets_nothing_from_a_queue_that_holds_something_connects_anew(
    stage: tuple[Sandbox, Broker], opened: Opened
) -> None:
    sandbox, broker = stage
    heard = set[str]()

    async def listen(events: EventFeed) -> None:
        async for event in events:
            heard.add(event.subject)

    async def all_are_heard() -> bool:
        return created <= heard

    async with ProfileClient(sandbox.service_url) as service, opened(sandbox.gateway_url) as client:
        events = client.events("profile.created", queue="gateway.heard")
        listening = asyncio.create_task(listen(events))
        await events.wait_connected()
        await suspend_channels(broker, GATEWAY, consumers=1, confirms=False)
        # The broker takes the first event for delivered, and that is all that may be on its way.
        created = {str((await service.create_profile(a_sign_up())).id) for _ in range(2)}

        assert await eventually(all_are_heard, within=240)
        await events.close()
        await listening
