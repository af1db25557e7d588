"""What the first commands of the README do, on servers that are there."""

import asyncio
import os
import subprocess
import sys

from tests.documents import ROOT
from tools.servers import Servers


async def test_the_demo_passes(servers: Servers) -> None:
    given = {
        "DEV_RABBITMQ_URL": servers.rabbitmq_url,
        "DEV_RABBITMQ_MANAGEMENT_URL": servers.management_url,
        "DEV_MONGO_URL": servers.mongo_url,
        "DEV_REDIS_URL": servers.redis_url,
    }
    demo = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tools.demo"],
        cwd=ROOT,
        env={**os.environ, **given, "MONGO_URL_FILE": "/nowhere"},  # as a shell may have it for other servers
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Every reply was as expected, and every event came (" in demo.stdout
