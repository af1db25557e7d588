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
def fastapi_gateway(broker_url: str, log: Path, **settings: str) -> Iterator[str]:
    """Run the gateway in Python, with these *settings*; give its address."""
    port = free_port()
    given = {"BROKER_URLS": broker_url, **settings}
    with _running(fastapi_command(port), FASTAPI, given, port, log) as url:
        yield url


@contextmanager
def express_gateway(broker_url: str, log: Path, **settings: str) -> Iterator[str]:
    """Run the gateway in TypeScript, with these *settings*; give its address."""
    with express_gateway_in(built_express(), broker_url, log, **settings) as url:
        yield url


@contextmanager
def express_gateway_in(folder: Path, broker_url: str, log: Path, **settings: str) -> Iterator[str]:
    """Run the gateway in TypeScript that was built in *folder*; give its address."""
    port = free_port()
    given = {"BROKER_URLS": broker_url, "PORT": str(port), **settings}
    with _running(express_command(), folder, given, port, log) as url:
        yield url


def fastapi_command(port: int) -> tuple[str, ...]:
    """Return what starts the gateway in Python, in its folder, as its README does."""
    options = ("--factory", "--port", str(port), "--no-proxy-headers", "--timeout-graceful-shutdown", "5")
    return (sys.executable, "-m", "uvicorn", "gateway.app:create_app", *options)


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


GATEWAYS = {"fastapi": fastapi_gateway, "express": express_gateway}
