"""What the figures of `make bench` rest on."""

import asyncio
import os
import subprocess
import sys
import time
from typing import Any, cast

import pytest
from pamqp import commands, frame, header
from pamqp.body import ContentBody

from benchmarks.comparison.checks import limited, ratio_checks
from benchmarks.comparison.figures import Figures
from benchmarks.comparison.processes import ProcessTree, descendants
from benchmarks.comparison.results import Check
from benchmarks.comparison.scenarios import HAND_WRITTEN, OURS
from benchmarks.load.amqp import ID, AmqpLoad


def figures(cpu_us: float | None = 100.0, **changes: Any) -> Figures:
    usual: dict[str, Any] = dict.fromkeys(("broker_cpu_us", "mongodb_cpu_us", "redis_cpu_us", "load_cpu_us"))
    usual |= {"rps": 1.0, "p50_ms": 1.0, "p99_ms": 2.0, "rss_mb": 10.0, "requests": 10}
    return Figures(cpu_us=cpu_us, **{**usual, **changes})


def test_a_process_tree_counts_the_work_of_children() -> None:
    tree = ProcessTree((os.getpid(),))
    before = tree.cpu_seconds()
    subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.3: pass"], check=True)

    # In ticks of a hundredth of a second, rounded down for each process.
    assert tree.cpu_seconds() - before >= 0.25
    # The kernel counts pages for each core, and adds them up now and then.
    assert 1 < tree.rss_mb() < 1.1 * tree.peak_rss_mb()


def test_a_process_that_has_ended_has_used_nothing_more() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert ProcessTree((ended.pid,)).cpu_seconds() == 0
    assert ProcessTree((ended.pid,)).rss_mb() == 0


def test_a_server_is_found_among_our_descendants_by_its_name() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        try:
            # Until it has become `sleep`, it has our name.
            deadline = time.monotonic() + 10
            while (found := descendants("sleep")) is None and time.monotonic() < deadline:
                pass
        finally:
            child.kill()

    assert found == ProcessTree((child.pid,))
    assert descendants("no-such-server") is None


def test_medians_leave_out_what_was_not_measured() -> None:
    rounds = [figures(1.0), figures(9.0), figures(2.0, broker_cpu_us=7.0)]

    assert Figures.medians(rounds) == figures(2.0, broker_cpu_us=7.0, requests=30)
    assert Figures.medians([figures(None)]).cpu_us is None


@pytest.mark.parametrize(
    ("value", "at_most", "met"),
    [(1.2, True, True), (1.21, True, False), (1.2, False, True), (1.19, False, False)],
)
def test_a_limit_itself_is_good(value: float, at_most: bool, met: bool) -> None:  # noqa: FBT001 - a table
    side = "at most" if at_most else "at least"

    assert limited("cost", value, 1.2, at_most=at_most) == Check("cost", f"{side} 1.2", value, met)


def test_a_target_is_checked_once_both_sides_are_measured() -> None:
    ours = {OURS: {"profile.get": figures(170.0)}}

    assert ratio_checks(ours) == []
    assert ratio_checks({**ours, HAND_WRITTEN: {"profile.get": figures(200.0)}}) == [
        Check("CPU of profile.get, of hand-written", "at most 0.85", 0.85, met=True)
    ]


class FakeTransport:
    """Answers each request by a delivery, byte by byte."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.ids: list[str] = []

    def write(self, data: bytes) -> None:
        if data.startswith(b"AMQP"):
            return
        publish = frame.unmarshal(data)[0]
        properties = frame.unmarshal(data[publish:])[2]
        assert isinstance(properties, header.ContentHeader)
        key = str(properties.properties.correlation_id)
        self.ids.append(key)
        asyncio.get_running_loop().call_soon(self.deliver, key)

    def deliver(self, key: str) -> None:
        frames: list[Any] = [
            commands.Basic.Deliver("tag", 1, False, "", "reply"),  # noqa: FBT003 - as in the protocol
            header.ContentHeader(0, len(self.reply), commands.Basic.Properties(correlation_id=key)),
            ContentBody(self.reply),
        ]
        for byte in b"".join(frame.marshal(each, 1) for each in frames):
            self.load.data_received(bytes([byte]))

    load: AmqpLoad


@pytest.mark.parametrize(("reply", "wrong"), [(b'{"ok":true}', 0), (b'{"ok":false}', 1)])
async def test_every_request_has_an_id_of_its_own_and_every_reply_is_looked_at(
    reply: bytes, wrong: int
) -> None:
    transport = FakeTransport(reply)
    load = AmqpLoad({"exchange": "", "routing_key": "queue", "expect": '"ok":true', "reply_queue": False})
    transport.load = load
    load.connection_made(cast("asyncio.BaseTransport", transport))
    load.encode([{"body": f'{{"id":"{ID}"}}'}], "reply")
    summary = (await load.run(0.05, in_flight=3)).summary()

    assert summary["requests"] == len(set(transport.ids)) >= 3
    assert summary["wrong"] == wrong * summary["requests"]
