"""Which versions of what were measured."""

import json
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from redis import Redis

from service.pkg.management_api import ManagementApi
from tools.servers.sandbox import Sandbox

_PACKAGES: Final = (
    "aio-pika",
    "aiormq",
    "bcrypt",
    "celery",
    "fastapi",
    "faststream",
    "kombu",
    "motor",
    "nameko",
    "orjson",
    "pydantic",
    "pymongo",
    "uvicorn",
    "uvloop",
)
_ASK: Final = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def all_versions(sandbox: Sandbox, programs: Path) -> dict[str, str]:
    """Return those of the servers, of Python, and of the packages in the benchmark's environment.

    Packages that the service has, too, are the same there: the locks are made so.
    """
    command: list[str | Path] = [programs / "python", "-c", _ASK, *_PACKAGES]
    asked = subprocess.run(command, check=True, capture_output=True, text=True)
    packages: dict[str, str] = json.loads(asked.stdout)
    return {**_servers(sandbox), "Python": platform.python_version(), **packages}


def _servers(sandbox: Sandbox) -> dict[str, str]:
    overview: dict[str, Any] = ManagementApi.of(sandbox.management_url, sandbox.admin_url).get("overview")
    with MongoClient[dict[str, Any]](sandbox.mongo_url) as mongo, Redis.from_url(sandbox.redis_url) as redis:
        return {
            "RabbitMQ": str(overview["rabbitmq_version"]),
            "Erlang": str(overview["erlang_version"]),
            "MongoDB": str(mongo.server_info()["version"]),
            "Redis": str(redis.info("server")["redis_version"]),
        }
