import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from pymongo.errors import ServerSelectionTimeoutError
from rich.console import Console

from service.cli import status as status_commands
from service.cli.status import Look, growth
from service.cli.status_view import is_wrong, lines, table
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.outbox import Backlog
from service.infrastructure.rabbitmq.queue_depths import Depth
from service.infrastructure.rabbitmq.topology import CONSUMED, topology
from tests.builders import NOON
from tests.unit.profilectl import profilectl, said


def queues(*changed: Depth) -> list[Depth]:
    """Return all queues, well but for those that are *changed*."""
    other = {each.queue: each for each in changed}
    names = [each.name for each in topology().queues]
    return [
        other.get(name, Depth(name, exists=True, consumers=2 if name in CONSUMED else 0)) for name in names
    ]


def written(found: Sequence[Depth], rates: dict[str, float] | None = None) -> str:
    screen = io.StringIO()
    Console(file=screen, width=100).print(table(found, rates))
    return screen.getvalue()


def test_all_is_well_in_a_few_sentences() -> None:
    said = list(lines(queues(), Backlog(0, None), NOON - timedelta(seconds=40), NOON))

    assert said == [
        f"All {len(CONSUMED)} queues are consumed.",
        "Waiting: 0. To be tried again: 0. Dead letters: 0, and 0 parked.",
        "All events are published.",
        "Last looked for what is to be erased 40 s ago.",
    ]
    assert not any(map(is_wrong, queues()))


def test_what_is_not_well_is_named() -> None:
    found = queues(
        Depth("profile.create", exists=True, ready=3),
        Depth("profile.get", exists=False),
        Depth("profile.create.dlq", exists=True, ready=4),
        Depth("profile.retry.30s", exists=True, ready=5),
        Depth("profile.unroutable", exists=True, ready=6, consumers=1),
        Depth("profile.parked", exists=True, ready=7),
    )
    said = list(lines(found, Backlog(8, NOON - timedelta(minutes=9)), None, NOON))

    assert said == [
        "No worker consumes profile.create, profile.get.",
        "Waiting: 9. To be tried again: 5. Dead letters: 4, and 7 parked.",
        "8 events are not published yet, the oldest of 9 min ago.",
    ]
    assert [each.queue for each in found if is_wrong(each)] == ["profile.create", "profile.get"]
    rows = written(found).splitlines()
    assert [row.split() for row in rows if "profile." in row] == [
        ["profile.create", "3", "0"],
        ["profile.get", "missing", "0"],
        ["profile.create.dlq", "4"],
        ["profile.unroutable", "6", "1"],
        ["profile.parked", "7"],
        ["profile.retry.30s", "5"],
    ]


def test_a_queue_that_has_just_been_emptied_is_still_shown() -> None:
    shown = written(queues(), {"profile.get": -2.5, "profile.list": 0.0})

    assert [row.split() for row in shown.splitlines() if "profile." in row] == [
        ["profile.get", "0", "-2.5", "2"]
    ]


def test_how_fast_a_queue_grows_is_told_by_the_time_that_has_passed() -> None:
    """To ask for all queues takes time, too."""
    before = Look(100.0, [Depth("profile.get", exists=True, ready=10)])
    now = Look(102.5, queues(Depth("profile.get", exists=True, ready=0)))

    assert growth(before, now) == {"profile.get": -4.0}


@pytest.mark.usefixtures("nothing_is_set")
def test_each_look_is_written_where_nothing_can_be_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def looks(*_: object) -> AsyncIterator[Look]:
        for number in (1, 2, 3):
            yield Look(float(number), queues(Depth("profile.get", exists=True, ready=number, consumers=1)))

    monkeypatch.setattr(status_commands, "_looks", looks)
    result = profilectl("watch", RABBITMQ_URL="amqp://mq/")
    rows = [row.split() for row in result.stdout.splitlines() if "profile." in row]

    assert rows == [
        ["profile.get", "1", "+0.0", "1"],
        ["profile.get", "2", "+1.0", "1"],
        ["profile.get", "3", "+1.0", "1"],
    ]


@pytest.mark.usefixtures("nothing_is_set")
@pytest.mark.parametrize("words", [(), ("--json",)])
def test_queues_are_shown_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    async def depths(_url: str) -> Sequence[Depth]:
        return queues(Depth("profile.get", exists=False))

    async def backlog(_url: str) -> Backlog:
        raise DatabaseUnavailable from ServerSelectionTimeoutError("db: timed out, Timeout: 2s, Topology")

    monkeypatch.setattr(status_commands, "_depths", depths)
    monkeypatch.setattr(status_commands, "_backlog", backlog)
    result = profilectl("status", *words, RABBITMQ_URL="amqp://mq/", MONGO_URL="mongodb://u:canary@db/x")

    assert result.exit_code == 7
    assert said(result) == "Which events are not published yet is not known: MongoDB: db: timed out"
    if words:
        found = json.loads(result.stdout)
        assert (found["events"], len(found["queues"])) == (None, len(queues()))
    else:
        assert "No worker consumes profile.get." in result.stdout
