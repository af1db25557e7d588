"""`profilectl`, as operators type it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping

from tests.integration.identity.conftest import Corner


async def profilectl(corner: Corner, *arguments: str, **more: str) -> str:
    """Return what it says; it has to succeed."""
    ended = await _run(corner, arguments, more)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


async def profilectl_refuses(corner: Corner, *arguments: str, code: int = 2, **more: str) -> str:
    """Return what it says; it has to fail with a sentence, and with this exit *code*."""
    ended = await _run(corner, arguments, more)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip()


async def _run(
    corner: Corner, arguments: tuple[str, ...], more: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    environment = {
        "RABBITMQ_URL": corner.box.service_url,
        "MONGO_URL": corner.box.mongo_url,
        "REDIS_URL": corner.box.redis_url,
        "SIGNING_KEYS_DIR": str(corner.keys),
        "BCRYPT_COST": "10",
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "service.cli", *arguments],
        env={**os.environ, **environment, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
