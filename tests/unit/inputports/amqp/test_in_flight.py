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


async def test_nothing_is_acknowledged_meanwhile() -> None:
    in_flight = InFlight()
    with in_flight.pause_acks():
        acknowledging = asyncio.create_task(in_flight.wait_ack_gate())
        await asyncio.sleep(0)

        assert not acknowledging.done()
    await acknowledging


async def test_a_queue_that_is_never_full_or_quiet_is_left_right_after_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_flight, never = InFlight(), asyncio.Event()

    async def work(_message: AbstractIncomingMessage) -> None:
        await never.wait()

    serve = in_flight.track(work, 16, "profile.get")
    monkeypatch.setattr(module, "_QUIET_SECONDS", 3600.0)
    working = [asyncio.ensure_future(serve(message()))]
    await asyncio.sleep(0)
    settling = asyncio.create_task(in_flight.until_full_or_quiet("profile.get", 0))
    for _ in range(5):
        await asyncio.sleep(0)
    is_left_at_any_time = settling.done()
    working.append(asyncio.ensure_future(serve(message())))
    await asyncio.wait_for(settling, 5)
    for each in working:
        each.cancel()
    await asyncio.gather(*working, return_exceptions=True)

    assert not is_left_at_any_time


async def test_a_queue_is_waited_for_until_it_is_full_or_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_flight, never = InFlight(), asyncio.Event()

    async def work(_message: AbstractIncomingMessage) -> None:
        await never.wait()

    serve, _ = in_flight.track(work, 2, "profile.get"), in_flight.track(work, 2, "profile.list")
    monkeypatch.setattr(module, "_QUIET_SECONDS", 3600.0)
    working = [asyncio.ensure_future(serve(message()))]
    filling = asyncio.create_task(in_flight.until_full_or_quiet("profile.get", 60))
    for _ in range(5):
        await asyncio.sleep(0)
    is_filled_by_one = filling.done()
    working.append(asyncio.ensure_future(serve(message())))
    await asyncio.wait_for(filling, 5)
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0.0)
    await in_flight.until_full_or_quiet("profile.list", 60)
    for each in working:
        each.cancel()
    await asyncio.gather(*working, return_exceptions=True)

    assert not is_filled_by_one


async def test_a_queue_that_has_sent_nothing_yet_may_have_so_in_the_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_flight, done = InFlight(), asyncio.Event()

    async def work(_message: AbstractIncomingMessage) -> None:
        await done.wait()

    serve = in_flight.track(work, 1, "profile.get")
    monkeypatch.setattr(module, "_READING_SECONDS", 3600.0)
    settling = asyncio.create_task(in_flight.until_full_or_quiet("profile.get", 60))
    for _ in range(5):
        await asyncio.sleep(0)
    is_quiet_at_once = settling.done()
    working = asyncio.ensure_future(serve(message()))
    await asyncio.wait_for(settling, 5)
    done.set()
    await working

    assert not is_quiet_at_once


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
