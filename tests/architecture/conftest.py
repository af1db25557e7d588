"""The AsyncAPI document, as it is committed."""

from typing import Any

import pytest
import yaml

from asyncapi import generate


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """Return the committed document."""
    loaded: dict[str, Any] = yaml.safe_load(generate.DOCUMENT.read_text(encoding="utf-8"))
    return loaded
