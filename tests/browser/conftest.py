"""A browser, and a worker on real servers."""

from collections.abc import Iterator

import pytest

from tests.browser.webdriver import Page, a_page
from tests.integration.conftest import worker
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

__all__ = ["worker"]


@pytest.fixture(scope="session")
def sandbox(servers: Servers) -> Iterator[Sandbox]:
    """Give that worker queues of its own: workers of other tests have other keys."""
    with isolated_sandbox(servers) as found:
        yield found


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a browser that was never used."""
    with a_page() as opened:
        yield opened
