import asyncio

import pytest
from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.inputports.amqp import in_flight as module
from service.infrastructure.inputports.amqp.in_flight import InFlight, Serve
from tests.fakes.broker import message


async def track(in_flight: InFlight, serve: Serve) -> None:
    await in_flight.track(serve)(message())


async def test_nothing_in_flight_is_finished_at_once() -> None:
    assert await InFlight().drain(5) == 0


async def test_it_waits_for_what_is_in_flight() -> None:
    in_flight, done = InFlight(), asyncio.Event()

    async def work(_message: AbstractIncomingMessage) -> None:
        await done.wait()

    working = [asyncio.create_task(track(in_flight, work)) for _ in range(3)]
    await asyncio.sleep(0)
    finishing = asyncio.create_task(in_flight.drain(5))
    await asyncio.sleep(0)

    assert not finishing.done()
    done.set()
    assert await finishing == 0
    await asyncio.gather(*working)


async def test_what_fails_is_not_in_flight_any_more() -> None:
    in_flight = InFlight()

    async def fail(_message: AbstractIncomingMessage) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await in_flight.track(fail)(message())
    assert await in_flight.drain(5) == 0


async def test_when_the_time_is_over_it_says_how_much_is_left() -> None:
    in_flight, never = InFlight(), asyncio.Event()

    async def work(_message: AbstractIncomingMessage) -> None:
        await never.wait()

    working = [asyncio.create_task(track(in_flight, work)) for _ in range(2)]
    await asyncio.sleep(0)

    assert await in_flight.drain(0.01) == 2
    for each in working:
        each.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def test_while_it_is_filled_nothing_is_acknowledged() -> None:
    in_flight = InFlight()
    async with in_flight.pause_acks(5):
        acknowledging = asyncio.create_task(in_flight.wait_ack_gate())
        await asyncio.sleep(0)

        assert not acknowledging.done()
    await acknowledging


async def test_it_is_filled_when_no_more_can_come_and_others_are_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_flight, never = InFlight(), asyncio.Event()

    async def work(_message: AbstractIncomingMessage) -> None:
        await never.wait()

    async def fill() -> None:
        async with in_flight.pause_acks(60):
            pass

    serve, _quiet = in_flight.track(work, 2), in_flight.track(work, 2)
    monkeypatch.setattr(module, "_QUIET_SECONDS", 3600.0)
    working = [asyncio.ensure_future(serve(message()))]
    filling = asyncio.create_task(fill())
    for _ in range(5):
        await asyncio.sleep(0)
    is_filled_by_one = filling.done()
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0.0)
    working.append(asyncio.ensure_future(serve(message())))
    await asyncio.wait_for(filling, 5)
    for each in working:
        each.cancel()
    await asyncio.gather(*working, return_exceptions=True)

    assert not is_filled_by_one


async def test_what_is_in_flight_is_known_by_queue() -> None:
    in_flight, done = InFlight(), asyncio.Event()

    async def wait(_message: AbstractIncomingMessage) -> None:
        await done.wait()

    serve = in_flight.track(wait, 2, "profile.get")
    in_flight.track(wait, 2, "profile.list")
    serving = asyncio.ensure_future(serve(message()))
    await asyncio.sleep(0)
    assert in_flight.by_queue == {"profile.get": 1, "profile.list": 0}
    done.set()
    await serving

    assert in_flight.by_queue == {"profile.get": 0, "profile.list": 0}
