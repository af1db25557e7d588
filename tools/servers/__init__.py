"""RabbitMQ, MongoDB and Redis for the demo, for `make run` and for the tests, wherever they come from.

Addresses in the environment come first. For the rest, what is quickest and certain:

1. this machine's programs, if all of them are here (they are up in seconds, and need no network);
2. Docker, if its engine answers (the images may have to be pulled; the machine stays as it is);
3. as root on Debian and its relatives, the system's packages, which are installed.

Where one of these fails, a line says why, and the next one is tried. `DEV_SERVERS=docker` takes Docker and
nothing else, `DEV_SERVERS=local` this machine's programs, installed if need be.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from tools.servers.addresses import Address, Source
from tools.servers.binaries import all_here, find_or_install
from tools.servers.containers import running_containers
from tools.servers.environment import SOURCE, Given, GivenFirst, given_servers
from tools.servers.errors import ServerFailed, ServersUnavailable
from tools.servers.local import LocalServers
from tools.servers.processes import private_processes

__all__ = ["ServerFailed", "Servers", "ServersUnavailable", "running_servers"]

Report = Callable[[str], None]
Check = Callable[[], None]


def _nothing_ended() -> None:
    """Know nothing about servers that are not our children."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Running servers.

    `rabbitmq_url` is an administrator's and names no virtual host; the management API takes the same user.

    Attributes:
        own_broker: The broker was started here, for us alone.
        check: Raises `ServerFailed` if a server that is our child has ended.

    """

    rabbitmq_url: str
    management_url: str
    mongo_url: str
    redis_url: str
    own_broker: bool = field(default=False, compare=False)
    check: Check = field(default=_nothing_ended, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to servers: what it is called, and what opens it."""

    name: str
    open: Callable[[], AbstractContextManager[tuple[Source, Check]]]


@contextmanager
def running_servers(report: Report = print, *, usual_ports: bool = False) -> Iterator[Servers]:
    """Give servers: those that the environment names, and the others by the first way that works.

    What was started here ends here, however we end. With *usual_ports*, a broker of this machine's programs
    listens where brokers usually do, if nobody else does.

    Raises:
        ServersUnavailable: There is no way to a server.
        ServerFailed: One did not start; quotes the end of its log.

    """
    given = given_servers(os.environ)
    failures: list[ServersUnavailable | ServerFailed] = []
    for way in _ways(given.missing, report, usual_ports=usual_ports):
        if failures:
            report(f"{str(failures[-1]).splitlines()[0]} Next: {way.name}.")
        with ExitStack() as cleanup:
            try:
                servers = _started(way, given, cleanup, report)
            except (ServersUnavailable, ServerFailed) as failure:
                failures.append(failure)
                continue
            yield servers
            return
    raise type(failures[0])("\n".join(map(str, failures)))


def _ways(missing: Sequence[str], report: Report, *, usual_ports: bool) -> list[_Way]:
    programs = _Way("this machine's programs", partial(_local, missing, report, usual_ports))
    docker = _Way("Docker", partial(_containers, report))
    match os.environ.get(SOURCE, "") if missing else "local":
        case "local":
            return [programs]
        case "docker":
            return [docker]
        case "":
            return [programs, docker] if all_here(missing) else [docker, programs]
        case unknown:
            raise ServersUnavailable(f"{SOURCE} is `docker`, `local` or nothing, but not `{unknown}`.")


@contextmanager
def _local(
    missing: Iterable[str],
    report: Report,
    usual_ports: bool,  # noqa: FBT001 - of a partial
) -> Iterator[tuple[Source, Check]]:
    programs = find_or_install(missing, report)
    with private_processes() as processes:
        yield LocalServers(processes, programs, usual_ports), processes.check


@contextmanager
def _containers(report: Report) -> Iterator[tuple[Source, Check]]:
    with running_containers(report) as engine:
        yield engine, _nothing_ended


def _started(way: _Way, given: Given, cleanup: ExitStack, report: Report) -> Servers:
    source, check = cleanup.enter_context(way.open())
    rabbitmq, mongodb, redis = _start_together(GivenFirst(given, source), cleanup, report)
    return Servers(
        rabbitmq.url,
        rabbitmq.management_url,
        mongodb.url,
        redis.url,
        own_broker=given.rabbitmq is None,
        check=check,
    )


def _start_together(source: Source, cleanup: ExitStack, report: Report) -> list[Address]:
    """Start the three side by side; when one fails, or we are told to stop, end what has been started."""
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        try:
            starting = [pool.submit(start) for start in (source.rabbitmq, source.mongodb, source.redis)]
            for started in as_completed(starting):
                report(f"{started.result()} ({time.monotonic() - began:.1f} s)")
        except BaseException:  # Ctrl-C, too, must leave no server running
            cleanup.close()  # now: it ends what the other threads wait for
            raise
    return [started.result() for started in starting]
