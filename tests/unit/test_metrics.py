"""What a worker says to Prometheus beside what it measures of requests."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from service.cli.status import last_retention
from service.domain.errors import Unavailable
from service.infrastructure.mongo.outbox import Backlog
from service.metrics import Metrics
from service.pkg.background import Background, LoopState
from service.pkg.probes import Document, serve_health
from tests.builders import NOON
from tests.fakes.clock import FakeClock


class FakeOutbox:
    """Says what it is told to."""

    def __init__(self, answer: Backlog | Exception) -> None:
        self.answer = answer

    async def backlog(self) -> Backlog:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def _ready() -> tuple[bool, dict[str, Any]]:
    return True, {"status": "degraded", "parts": {"broker": "ok", "redis": "away"}}


def metrics(background: Background, backlog: Backlog | Exception) -> Metrics:
    """Return what a worker in the middle of its work says."""
    given_up = Counter({("reply", "TimeoutError"): 3})
    publisher = SimpleNamespace(
        retried=Counter({"profile.update": 2}),
        dead_lettered=Counter({"profile.update.dlq": 1}),
        given_up=given_up,
        reconnects=Counter({"reply": 4}),
    )
    parts = {
        "health": SimpleNamespace(ready=_ready),
        "in_flight": SimpleNamespace(by_queue={"profile.get": 7}),
        "publisher": publisher,
        "consumers": SimpleNamespace(reconnects=5),
        "outbox": FakeOutbox(backlog),
        "hashing": SimpleNamespace(busy=2, queued=6),
        "circuit_breaker": SimpleNamespace(is_open=True),
    }
    return Metrics(
        registry=CollectorRegistry(),
        outcomes={("profile.get", "ok"): 8, ("profile.get", "unanswered"): 9},
        background=background,
        clock=FakeClock(NOON),
        **cast("dict[str, Any]", parts),
    )


async def said(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return each sample: by its name and the values of its labels, in the order of their names."""
    is_well, document = await metrics.answer()
    assert is_well
    assert isinstance(document, Document)
    assert document.media_type.startswith("text/plain; version=0.0.4")
    return dict(_samples(document.content.decode()))


def _samples(text: str) -> Iterable[tuple[tuple[str, ...], float]]:
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            yield (sample.name, *sample.labels.values()), sample.value


async def test_everything_is_said() -> None:
    background = Background(lambda _: None)
    background.skip("relay", KeyError())
    background.loops["relay"].fail(KeyError())
    found = await said(metrics(background, Backlog(11, NOON - timedelta(seconds=30))))

    assert (
        found.items()
        >= {
            ("profile_ready",): 1,
            ("profile_part_ok", "broker"): 1,
            ("profile_part_ok", "redis"): 0,
            ("profile_messages_total", "ok", "profile.get"): 8,
            ("profile_replies_unanswered_total", "profile.get"): 9,
            ("profile_messages_in_flight", "profile.get"): 7,
            ("profile_retries_total", "profile.update"): 2,
            ("profile_dead_letters_total", "profile.update.dlq"): 1,
            ("profile_publish_given_up_total", "reply", "TimeoutError"): 3,
            ("profile_rabbitmq_reconnects_total", "consume"): 5,
            ("profile_rabbitmq_reconnects_total", "publish"): 0,
            ("profile_rabbitmq_reconnects_total", "reply"): 4,
            ("profile_hashing_busy",): 2,
            ("profile_hashing_queued",): 6,
            ("profile_circuit_breaker_open",): 1,
            ("profile_background_up", "relay"): 0,
            ("profile_background_failures_total", "relay"): 1,
            ("profile_background_skipped_total", "relay"): 1,
            ("profile_outbox_pending_events",): 11,
            ("profile_outbox_oldest_seconds",): 30,
        }.items()
    )
    assert ("profile_messages_total", "unanswered", "profile.get") not in found
    assert ("profile_background_last_done_timestamp_seconds", "relay") not in found


async def test_operators_are_told_when_a_worker_last_looked_for_what_is_to_be_erased(
    capsys: pytest.CaptureFixture[str],
) -> None:
    background = Background(lambda _: None)
    with serve_health(0, {"/metrics": metrics(background, Backlog(0, None)).answer}) as port:
        before = await asyncio.to_thread(last_retention, port)
        background.loops["retention"] = LoopState(done_at=NOON.timestamp())
        after = await asyncio.to_thread(last_retention, port)

    assert (before, after) == (None, NOON)
    assert capsys.readouterr().err == (
        f"The worker on port {port} has not looked for what is to be erased yet.\n"
    )


async def test_an_empty_outbox_has_no_oldest_event() -> None:
    found = await said(metrics(Background(lambda _: None), Backlog(0, None)))

    assert (found["profile_outbox_pending_events",], found["profile_outbox_oldest_seconds",]) == (0, 0)


async def test_without_the_database_all_else_is_said() -> None:
    found = await said(metrics(Background(lambda _: None), Unavailable()))

    assert ("profile_outbox_pending_events",) not in found
    assert found["profile_ready",] == 1
