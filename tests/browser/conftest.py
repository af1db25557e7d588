"""A browser, and a worker on real servers."""

from collections.abc import Iterator

import pytest

from tests.browser.webdriver import Page, a_page
from tests.integration.conftest import worker

__all__ = ["worker"]


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a browser that was never used."""
    with a_page() as opened:
        yield opened
