"""A worker from its start to its end."""

import asyncio
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from service.graceful_shutdown import STUCK, UNACKED
from service.health import health_routes
from service.infrastructure.mongo import health as mongo
from service.infrastructure.rabbitmq import connection as rabbitmq
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.main import Worker
from service.pkg.probes import Answer, Document, serve_health
from service.pkg.retry import retry_until
from service.pkg.shipped_files import shipped_file
from service.pkg.tracing import close_tracing
from service.pkg.watchdog import watched_loop

_CHECKOUT: Final = Path(__file__).parents[1]
_PAGE: Final = "asyncapi/index.html"


async def run_worker(worker: Worker) -> int:
    """Let *worker* work until a signal comes, or until something is stuck; return the exit code.

    Raises:
        IndexMissing
        AMQPError, PyMongoError, OSError: A server is not there, or lets nobody in. Where it may be starting,
            that is raised after `startup_seconds`.

    """
    termination = worker.termination
    termination.install()
    with _answering_probes(worker), watched_loop(STUCK):
        async with AsyncExitStack() as stack:
            if worker.tracing:
                stack.push_async_callback(close_tracing, worker.tracing)
            stack.push_async_callback(worker.resources.close)  # otherwise its tasks hold the end up
            if await termination.unless_requested(_open(worker, stack)):
                await worker.app.start()  # from here on there may be work, which is drained
                await termination.requested.wait()  # which is how long a worker lives
                await worker.app.stop()
    return termination.code or (UNACKED if worker.shutdown.unacked else 0)


async def _open(worker: Worker, stack: AsyncExitStack) -> None:
    """Open all that consumers need, once broker and database let us in; they may be starting, too."""
    limit = worker.settings.startup_seconds
    url = with_connection_name(worker.settings.rabbitmq_url, "start")
    await retry_until(limit, partial(rabbitmq.ping, url), rabbitmq.STARTING)
    await retry_until(limit, partial(mongo.ping, worker.database), mongo.STARTING)
    await stack.enter_async_context(worker.opened())


def _answering_probes(worker: Worker) -> AbstractContextManager[int]:
    port = worker.settings.health_port
    health = health_routes(worker.health, worker.outcomes, worker.publisher.given_up, worker.background)
    routes = {**health, "/metrics": worker.metrics.answer, "/asyncapi": _asyncapi}
    return serve_health(port, routes, worker.settings.health_host) if port else nullcontext(0)


async def _asyncapi() -> Answer:
    """Return the page that shows the AsyncAPI document: that of the checkout, or what came with us."""
    page = _CHECKOUT / _PAGE
    found = page if page.exists() else shipped_file("profile-service", _PAGE)
    if found is None:
        return False, {"status": "not installed"}
    return True, Document("text/html; charset=utf-8", await asyncio.to_thread(found.read_bytes))
