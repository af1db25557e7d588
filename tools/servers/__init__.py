"""RabbitMQ, MongoDB and Redis for the demo, for `make run` and for the tests, wherever they come from."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tools.servers.addresses import Source
from tools.servers.binaries import find_or_install
from tools.servers.containers import Containers, docker_answers
from tools.servers.environment import GivenFirst, given_servers
from tools.servers.errors import ServerFailed, ServersUnavailable
from tools.servers.local import LocalServers
from tools.servers.processes import private_processes

__all__ = ["ServerFailed", "Servers", "ServersUnavailable", "running_servers"]

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Servers:
    """Running servers.

    `rabbitmq_url` is an administrator's and names no virtual host; the management API takes the same user.
    """

    rabbitmq_url: str
    management_url: str
    mongo_url: str
    redis_url: str


@contextmanager
def running_servers(report: Report = print) -> Iterator[Servers]:
    """Give servers: those that `DEV_*_URL` names, else containers, else this machine's programs.

    What was started here ends here, however we end. Raises `ServersUnavailable` if there is no way to a
    server, and `ServerFailed`, with the end of its log, if one does not start.
    """
    with ExitStack() as cleanup:
        yield _start_together(_source(cleanup, report), cleanup, report)


def _source(cleanup: ExitStack, report: Report) -> Source:
    given = given_servers(os.environ)
    if given.missing and docker_answers():
        return GivenFirst(given, Containers(cleanup))
    programs = find_or_install(given.missing, report)
    return GivenFirst(given, LocalServers(cleanup.enter_context(private_processes()), programs))


def _start_together(source: Source, cleanup: ExitStack, report: Report) -> Servers:
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        starting = [pool.submit(start) for start in (source.rabbitmq, source.mongodb, source.redis)]
        try:
            for started in as_completed(starting):
                report(f"{started.result()} ({time.monotonic() - began:.1f} s)")
        except BaseException:  # Ctrl-C, too, must leave no server running
            cleanup.close()  # now: it ends what the other threads wait for
            raise
    rabbitmq, mongodb, redis = (started.result() for started in starting)
    return Servers(rabbitmq.url, rabbitmq.management_url, mongodb.url, redis.url)
