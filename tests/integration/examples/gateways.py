"""The gateways of `examples/`, each as a process of its own on the sandbox."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from asyncapi.node import find_node
from tests.documents import ROOT
from tests.integration.clients.typescript import build
from tools.servers.processes import free_port
from tools.servers.waiting import wait_until

_START_SECONDS = 60.0
FASTAPI = ROOT / "examples" / "gateway-fastapi"
EXPRESS = ROOT / "examples" / "gateway-express"


@contextmanager
def fastapi_gateway(broker_url: str, log: Path) -> Iterator[str]:
    """Run the gateway in Python; give its address."""
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "gateway.app:create_app", "--factory", "--port", str(port))
    with _running(command, FASTAPI, {"BROKER_URLS": broker_url}, port, log) as url:
        yield url


@contextmanager
def express_gateway(broker_url: str, log: Path) -> Iterator[str]:
    """Run the gateway in TypeScript; give its address."""
    with express_gateway_in(built_express(), broker_url, log) as url:
        yield url


@contextmanager
def express_gateway_in(folder: Path, broker_url: str, log: Path) -> Iterator[str]:
    """Run the gateway in TypeScript that was built in *folder*; give its address."""
    port = free_port()
    settings = {"BROKER_URLS": broker_url, "PORT": str(port)}
    with _running(express_command(), folder, settings, port, log) as url:
        yield url


def built_express() -> Path:
    """Build the gateway in TypeScript; return its folder."""
    build()
    build(EXPRESS)
    return EXPRESS


def express_command() -> tuple[str, ...]:
    """Return what starts it there."""
    return (*find_node().node, "dist/main.js")


@contextmanager
def _running(
    command: Sequence[str], folder: Path, settings: Mapping[str, str], port: int, log: Path
) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "SECURE_COOKIES": "no", "TRUSTED_HOPS": "1", **settings}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            with urlopen(f"{url}/", timeout=5):  # noqa: S310 - http, ours
                return True
        except (OSError, HTTPException):
            return False

    try:
        wait_until(is_up, within=_START_SECONDS)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
