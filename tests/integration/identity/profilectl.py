"""`profilectl`, as operators type it."""

import asyncio
import os
import subprocess
from collections.abc import Mapping

from tests import forking
from tests.integration.identity.conftest import IsolatedEnv
from tests.integration.operators import FOLDER


async def profilectl(env: IsolatedEnv, *arguments: str, **more: str) -> str:
    """Return what it says; it has to succeed."""
    ended = await _run(env, arguments, more)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


async def profilectl_refuses(env: IsolatedEnv, *arguments: str, code: int = 2, **more: str) -> str:
    """Return what it says; it has to fail with a sentence, and with this exit *code*."""
    ended = await _run(env, arguments, more)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip()


async def _run(
    env: IsolatedEnv, arguments: tuple[str, ...], more: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    environment = {
        "RABBITMQ_URL": env.sandbox.service_url,
        "MONGO_URL": env.sandbox.mongo_url,
        "REDIS_URL": env.sandbox.redis_url,
        "SIGNING_KEYS_DIR": str(env.keys),
        "BCRYPT_COST": "10",
    }
    return await asyncio.to_thread(
        forking.run, ["service.cli", *arguments], {**os.environ, **environment, **more}, folder=FOLDER
    )
