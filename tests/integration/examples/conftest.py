"""The gateways of `examples/`, one after the other, on a real worker."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.integration.examples.browser import Browser
from tests.integration.examples.gateways import GATEWAYS
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

HALF_A_REQUEST = (
    b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
)


@pytest.fixture(scope="session", params=list(GATEWAYS))
def url(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Where the gateway is."""
    assert worker.process.poll() is None
    log = tmp_path_factory.mktemp("gateway") / "log"
    with ExitStack() as after_its_end, GATEWAYS[request.param](sandbox.gateway_url, log) as address:
        # As browsers have them: nothing ever comes over the first line, and no more over the second. Neither
        # holds the end up.
        place = urlsplit(address)
        for sent in (b"", HALF_A_REQUEST):
            line = socket.create_connection((place.hostname, place.port), timeout=5)
            after_its_end.callback(line.close)
            line.sendall(sent)
        yield address


@pytest.fixture
def browser(url: str) -> Browser:
    """A browser that nobody has logged in with."""
    return Browser(url)
