"""The worker itself, and several of it side by side."""

from collections.abc import Iterable
from typing import Annotated, Final

import typer
from aio_pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from service.cli.reporting_errors import report_error, reporting_errors
from service.cli.supervisor import NeedsRedis, health_ports, supervise
from service.infrastructure.clock import SystemClock
from service.infrastructure.mongo.health import NoReplicaSet
from service.infrastructure.mongo.indexes import IndexMissing
from service.infrastructure.security.keyring import Keyring
from service.infrastructure.security.root_key_files import load_root_keys
from service.lifecycle import run_worker
from service.main import create_worker
from service.pkg import event_loop
from service.pkg.logger import configure_logging
from service.pkg.signals import end_with_standard_input
from service.settings import Settings

_FAILED: Final = 1


def worker(
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many, each a process of its own.")] = 1,
    *,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
) -> None:
    """Answer requests until SIGTERM or Ctrl-C. The environment says how: see `.env.example`.

    The first signal lets it finish what it has in flight; a second one leaves that to other workers, at once.
    Exits with 0, with 1 if it failed, with 2 for wrong settings, with 3 if it left something unfinished, or
    with 4 if something did not come back by itself: then start it anew.
    """
    if workers > 1:
        with reporting_errors():
            ports = _ports_of(workers)
        raise typer.Exit(supervise(ports))
    if until_stdin_ends:
        end_with_standard_input()
    with reporting_errors():
        one = create_worker()
    failures: list[Exception] = []
    code = 0
    try:
        code = event_loop.run(run_worker(one))
    except* (IndexMissing, NoReplicaSet, AMQPError, PyMongoError, OSError) as errors:
        failures.extend(errors.exceptions)
    # Out here: in some releases of Python 3.11, an exit in `except*` comes out as a group.
    for each in failures:
        report_error(each)
    raise typer.Exit(_FAILED if failures else code)


def _ports_of(workers: int) -> Iterable[int]:
    """Return their health ports, if workers can start here: better one complaint than one from each."""
    settings = Settings()
    configure_logging(settings.log_level)
    Keyring(settings.signing_keys_dir, SystemClock())
    load_root_keys(settings.signing_keys_dir)
    ports = health_ports(workers, settings.health_port)
    if settings.redis_url.startswith("memory:"):
        raise NeedsRedis(
            f"{workers} workers need a Redis to count wrong passwords in: REDIS_URL=memory:// is for one."
        )
    return ports
