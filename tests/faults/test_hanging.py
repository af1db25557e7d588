"""Holds `docs/hanging.md`: each row of its table is a test.

`HANGING=1` runs all of them, as `make faults` does; otherwise those of one fault that most others are like,
and all of the client.
"""

import asyncio
import gc
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from profile_contracts.auth import ListKeys
from profile_contracts.client import ProfileClient
from profile_contracts.errors import CallFailed
from profile_contracts.operations import AUTH_KEYS
from tests.faults.broken_lines import Line, line_to
from tests.faults.proxied_env import ProxiedEnv, proxied_env
from tests.forking import fork
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.workers import address_of, working
from tools.servers import Servers

FAULTS: Final = "refuses, silent, mute, slow, resets, half-open"
TABLE: Final = Path(__file__).parents[2] / "docs" / "hanging.md"
VARIABLES: Final = {"RabbitMQ": "RABBITMQ_URL", "MongoDB": "MONGO_URL", "Redis": "REDIS_URL"}
IS_LONG: Final = bool(os.environ.get("HANGING"))
SHORT_LIFE: Final = ("RabbitMQ", "mute")


@dataclass(frozen=True, slots=True)
class Row:
    """What happens within how many seconds."""

    who: str
    server: str
    fault: str
    when: str
    outcome: str
    within: float

    def __str__(self) -> str:
        return f"{self.who}, {self.server} {self.fault}, {self.when}"


def rows() -> Iterator[Row]:
    """Return the rows of the table, one for each thing that a cell names."""
    for line in TABLE.read_text().splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if line.startswith("|") and cells[-1].isdigit():
            cells[2] = cells[2].replace("any", FAULTS)
            for who, server, fault, when in product(*(each.split(", ") for each in cells[:4])):
                yield Row(who.strip("`"), server, fault, when, cells[4], float(cells[5]))


def of(*who: str, when: tuple[str, ...]) -> list[Row]:
    chosen = [each for each in rows() if each.who in who and each.when in when]
    return chosen if IS_LONG or "client" in who else [each for each in chosen if each.fault == "mute"]


def lives() -> list[tuple[str, str]]:
    """Return the servers and faults that a worker goes through, from running to its end: one, or all."""
    found = sorted({(each.server, each.fault) for each in of("worker", when=("stopping",))})
    return found if IS_LONG else [SHORT_LIFE]


def expected(who: str, server: str, fault: str, when: str) -> Row:
    return next(
        row for row in rows() if (row.who, row.server, row.fault, row.when) == (who, server, fault, when)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hanging")


@asynccontextmanager
async def behind(
    stage: ProxiedEnv, server: str, fault: str = ""
) -> AsyncIterator[tuple[Line, dict[str, str]]]:
    """Give a line to one server, and the settings of whoever goes by it."""
    urls = {
        "RabbitMQ": stage.sandbox.service_url,
        "MongoDB": stage.sandbox.mongo_url,
        "Redis": stage.sandbox.redis_url,
    }
    parts = urlsplit(urls[server])
    host, port = address_of(urls[server]) if server == "MongoDB" else (parts.hostname, parts.port)
    async with line_to(str(host), int(port or 0), fault) as line:
        user, at, _ = parts.netloc.rpartition("@")
        query = "directConnection=true" if server == "MongoDB" else parts.query
        url = parts._replace(netloc=f"{user}{at}127.0.0.1:{line.port}", query=query).geturl()
        settings = {
            **settings_for(stage.sandbox),
            "RABBITMQ_URL": stage.sandbox.service_url,
            "MONGO_URL": stage.sandbox.mongo_url,
            "REDIS_URL": stage.sandbox.redis_url,
            "SIGNING_KEYS_DIR": str(stage.folder / "keys"),
            "STARTUP_SECONDS": "3",
        }
        yield line, {**settings, VARIABLES[server]: url}


def started(settings: dict[str, str], *words: str, log: Path) -> "subprocess.Popen[bytes]":
    """Start the command of these *words*."""
    with Path(os.devnull).open() as nothing, log.open("wb") as file:
        return fork(("service.cli", *words), {**os.environ, **settings}, nothing, file, file)


async def ended(process: "subprocess.Popen[bytes]") -> None:
    """Let nothing be left of it; if it has started others, it ends them at a signal."""
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, 40)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait, 40)


async def outcome_of_start(
    stage: ProxiedEnv, row: Row, words: tuple[str, ...], seconds: float
) -> tuple[str, float]:
    """Start something while the server fails; return what came of it, and after how long."""
    log = stage.folder / f"{row.who}-{row.server}-{row.fault}.log"
    async with behind(stage, row.server, row.fault) as (_, settings):
        began = time.monotonic()
        process = started(settings, *words, log=log)

        async def has_outcome() -> str:
            if process.poll() is not None:
                return f"exit {process.returncode}"
            return "ready" if '"event": "ready"' in await asyncio.to_thread(log.read_text) else ""

        try:
            return await eventually(has_outcome, within=seconds + 10), time.monotonic() - began
        finally:
            await ended(process)


def slowness() -> float:
    """Return how many times as long as on a machine of our own things take here just now."""
    began, cpu = time.monotonic(), time.thread_time()
    while time.thread_time() - cpu < 0.2:
        pass
    return max(1.0, (time.monotonic() - began) / (time.thread_time() - cpu))


def assert_held(found: dict[str, tuple[str, float]], wanted: list[Row], factor: float = 1.0) -> None:
    """Compare what has happened with the table, on a machine that is slower by a *factor*."""
    wrong = {
        str(row): found[str(row)]
        for row in wanted
        if found[str(row)][0] not in _meant(row.outcome) or found[str(row)][1] > row.within * factor
    }
    assert wrong == {}


def _meant(outcome: str) -> set[str]:
    kind, _, codes = outcome.partition(" ")
    return {f"{kind} {code}" for code in codes.split("/")} if codes else set(kind.split("/"))


async def at_once(stage: ProxiedEnv, wanted: list[Row], words: dict[str, tuple[str, ...]]) -> None:
    """Hold all these rows of starts, some at a time."""
    room, factor = asyncio.Semaphore(6), await asyncio.to_thread(slowness)

    async def one(row: Row) -> tuple[str, float]:
        async with room:
            return await outcome_of_start(stage, row, words[row.server], row.within * factor)

    found = await asyncio.gather(*map(one, wanted))
    assert_held(dict(zip(map(str, wanted), found, strict=True)), wanted, factor)


async def test_a_worker_that_starts(servers: Servers, folder: Path) -> None:
    async with proxied_env(servers, folder) as stage:
        async with working(stage.sandbox, folder, settings_for(stage.sandbox), "first"):
            pass  # which makes keys and indexes
        wanted = of("worker", when=("start",))
        await at_once(stage, wanted, dict.fromkeys(VARIABLES, ("worker",)))


async def test_profilectl(servers: Servers, folder: Path) -> None:
    async with proxied_env(servers, folder) as stage:
        words = {
            "RabbitMQ": ("dlq", "list"),
            "MongoDB": ("profile", "export", str(stage.profiles[0].id)),
        }
        await at_once(stage, of("profilectl", when=("start",)), words)


async def ask(line_url: str, seconds: float) -> str:
    """Return what a caller behind the line hears."""
    try:
        async with ProfileClient(line_url, timeout=seconds) as client:
            reply = await client.exchange(AUTH_KEYS, b"{}")
    except (CallFailed, OSError):
        return "error"
    return "ok" if b'"ok":true' in reply else "unavailable"


async def read(stage: ProxiedEnv, seconds: float) -> str:
    """Return what a caller hears who asks for what is in the database, and whose session Redis may know."""
    try:
        reply: dict[str, Any] = await stage.service.ask(
            "profile.get", stage.who(0), timeout=seconds, expiration=seconds
        )
    except TimeoutError:
        return "error"
    if reply["ok"]:
        return "ok"
    code = reply["error"]["code"]
    return "unavailable" if code in {"unavailable", "deadline_exceeded"} else str(code)


@pytest.mark.parametrize(("server", "fault"), lives())
async def test_the_life_of_a_worker(servers: Servers, tmp_path: Path, server: str, fault: str) -> None:
    """It is asked while it lasts, and after that; then it is told to stop in the next one."""

    async def is_back() -> bool:
        return await read(stage, 3.0) == "ok"

    async def both_are_there() -> bool:
        text = await asyncio.to_thread((tmp_path / "several.log").read_text)
        return text.count('"event": "ready"') >= 2

    found: dict[str, tuple[str, float]] = {}

    def note(when: str, outcome: str, began: float, who: str = "worker") -> None:
        row = expected(who, server, fault, when)
        wanted.append(row)
        found[str(row)] = (outcome, time.monotonic() - began)

    wanted: list[Row] = []
    factor = await asyncio.to_thread(slowness)
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(proxied_env(servers, tmp_path))
        line, settings = await stack.enter_async_context(behind(stage, server))
        first, second = [
            await stack.enter_async_context(working(stage.sandbox, tmp_path, settings, name))
            for name in ("first", "second")
        ]
        several = started(settings, "worker", "--workers", "2", log=tmp_path / "several.log")
        stack.push_async_callback(ended, several)
        await eventually(both_are_there, within=60 * factor)
        assert await read(stage, 10) == "ok"
        line.fail(fault)
        began = time.monotonic()
        note("running", await read(stage, 5.0 if server == "RabbitMQ" else 9.0), began)
        line.mend()
        began = time.monotonic()
        await eventually(is_back, within=60)
        note("back", "ok", began)

        line.fail(fault)
        began = time.monotonic()
        for each in (first.process, second.process, several):
            each.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        forced = time.monotonic()
        second.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(second.process.wait, 60)
        note("forced", f"exit {code}", forced)
        code = await asyncio.to_thread(first.process.wait, 60)
        note("stopping", f"exit {code}", began)
        code = await asyncio.to_thread(several.wait, 60)
        note("stopping", f"exit {code}", began, "--workers 2")
    assert_held(found, wanted, factor)


async def client_at(stage: ProxiedEnv, fault: str) -> dict[str, tuple[str, float]]:
    """Return what a client hears that is behind a line with that fault."""
    found: dict[str, tuple[str, float]] = {}

    def note(when: str, outcome: str, began: float) -> None:
        found[f"client, RabbitMQ {fault}, {when}"] = (outcome, time.monotonic() - began)

    if fault not in {"half-open", "slow"}:
        async with behind(stage, "RabbitMQ", fault) as (_, settings):
            began = time.monotonic()
            note("start", await ask(settings["RABBITMQ_URL"], 1.0), began)
    async with behind(stage, "RabbitMQ") as (line, settings):
        client = ProfileClient(settings["RABBITMQ_URL"], timeout=2.0)
        await client.__aenter__()
        assert (await client.call(AUTH_KEYS, ListKeys())).keys
        line.fail(fault)
        began = time.monotonic()
        try:
            await client.call(AUTH_KEYS, ListKeys())
            note("running", "ok", began)
        except (CallFailed, OSError):
            note("running", "error", began)
        began = time.monotonic()
        await client.__aexit__(None, None, None)
        note("stopping", "ok", began)
    return found


async def test_the_client(servers: Servers, folder: Path) -> None:
    wanted = of("client", when=("start", "running", "stopping"))
    faults, factor = sorted({each.fault for each in wanted}), await asyncio.to_thread(slowness)
    async with (
        proxied_env(servers, folder) as stage,
        working(stage.sandbox, folder, settings_for(stage.sandbox), "client"),
    ):
        found = await asyncio.gather(*(client_at(stage, each) for each in faults))
        # A connection that never came about is closed when aio-pika forgets it, by the loop that runs then.
        gc.collect()
    assert_held({name: each for one in found for name, each in one.items()}, wanted, factor)


def test_the_table_names_every_cell() -> None:
    known = {(row.who, row.server, row.fault, row.when) for row in rows()}
    faults = ("refuses", "silent", "mute", "slow", "resets", "half-open")
    all_cells = {
        ("worker", server, fault, when)
        for server in VARIABLES
        for fault in faults
        for when in ("start", "running", "back", "stopping", "forced")
        if (when, fault) != ("start", "half-open")  # there are no connections yet
    }

    assert all_cells <= known
