import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from service.pkg import probes
from service.pkg.probes import answering


def get(port: int, path: str) -> tuple[int, Any]:
    """Return status and body of what is answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


async def well() -> tuple[bool, Mapping[str, Any]]:
    return True, {"status": "ready"}


async def unwell() -> tuple[bool, Mapping[str, Any]]:
    return False, {"status": "not ready"}


async def stuck() -> tuple[bool, Mapping[str, Any]]:
    await asyncio.Event().wait()
    return await well()


async def test_questions_are_answered_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_SECONDS", 0.05)
    with answering(0, {"/well": well, "/unwell": unwell, "/stuck": stuck}) as port:
        answers = {
            path: await asyncio.to_thread(get, port, path)
            for path in ("/well", "/unwell", "/stuck", "/else", "/")
        }

    assert answers == {
        "/well": (200, {"status": "ready"}),
        "/unwell": (503, {"status": "not ready"}),
        "/stuck": (503, {"status": "stuck"}),
        "/else": (404, {"status": "not found"}),
        "/": (404, {"status": "not found"}),
    }


async def test_a_port_that_is_taken_is_an_error() -> None:
    with answering(0, {}) as port, pytest.raises(OSError, match="in use"), answering(port, {}):
        pass
