"""`make run`: servers and a worker, up until Ctrl-C."""

import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox, sandbox
from tools.worker import Worker, running_worker


def main() -> int:
    """Run until Ctrl-C or SIGTERM; return the worker's exit code if it ends before."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="profile-run-") as folder,
            running_servers(console.print) as servers,
            sandbox(servers, definitions(topology())) as box,
            running_worker(box, Path(folder)) as worker,
        ):
            _say_where(console, box, worker)
            return worker.process.wait()
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 0


def _say_where(console: Console, box: Sandbox, worker: Worker) -> None:
    console.print(f"""
The worker answers. Its log: {worker.log}
  broker   {box.gateway_url}
  console  {box.management_url}  (guest, guest; virtual host {box.vhost})
  MongoDB  {box.mongo_url}

Try, in another terminal:
  .venv/bin/profilectl call auth.keys '{{}}' --url {box.gateway_url}

Ctrl-C stops everything.""")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
