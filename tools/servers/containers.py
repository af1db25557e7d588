"""Servers in containers, where a Docker engine answers.

Written against testcontainers 4.15 and its types, and never run: no engine was at hand.
"""

import importlib.util
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

from tools.servers.addresses import Address
from tools.servers.errors import ServersUnavailable
from tools.servers.local_mongodb import primary_version
from tools.servers.local_rabbitmq import rabbitmq_overview
from tools.servers.local_redis import redis_version
from tools.servers.management import Management
from tools.servers.waiting import wait_until

SECONDS_TO_START = 120


def docker_answers() -> bool:
    """Ask the engine for its version, quietly and for two seconds at most."""
    docker = shutil.which("docker")
    if docker is None or importlib.util.find_spec("testcontainers") is None:
        return False
    question = [docker, "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(question, capture_output=True, timeout=2, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@dataclass(frozen=True, slots=True)
class Containers:
    """Starts containers. They end with *cleanup*, or by testcontainers' reaper if we are killed."""

    cleanup: ExitStack

    def rabbitmq(self) -> Address:
        """Start RabbitMQ with its management plugin."""
        port, console_port = self._start("rabbitmq:4-management", 5672, 15672)
        url, management_url = f"amqp://guest:guest@127.0.0.1:{port}", f"http://127.0.0.1:{console_port}"
        management = Management.of(management_url, url)
        overview = wait_until(lambda: rabbitmq_overview(management), within=SECONDS_TO_START)
        return Address(f"RabbitMQ {overview['rabbitmq_version']}", url, management_url)

    def mongodb(self) -> Address:
        """Start MongoDB as a replica set of one, which knows itself by its address inside the container."""
        (port,) = self._start("mongo:8", 27017, command="--replSet rs0")
        url = f"mongodb://127.0.0.1:{port}/?replicaSet=rs0&directConnection=true"
        member = "127.0.0.1:27017"
        version = wait_until(
            lambda: primary_version(f"mongodb://127.0.0.1:{port}", member), within=SECONDS_TO_START
        )
        return Address(f"MongoDB {version}", url)

    def redis(self) -> Address:
        """Start Valkey, the Redis that is free software."""
        (port,) = self._start("valkey/valkey:8", 6379)
        url = f"redis://127.0.0.1:{port}"
        version = wait_until(lambda: redis_version(url), within=SECONDS_TO_START)
        return Address(f"Valkey (Redis {version})", url)

    def _start(self, image: str, *ports: int, command: str | None = None) -> list[int]:
        # Imported here: neither is needed, nor perhaps installed, where no engine answers.
        from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        try:
            container = DockerContainer(image, command=command)
            # Else the engine publishes on every interface. It takes pairs; the annotation does not say so.
            container.ports.update({str(port): ("127.0.0.1", None) for port in ports})  # type: ignore[misc]
            self.cleanup.enter_context(container)
            return [int(container.get_exposed_port(port)) for port in ports]
        except DockerException as refusal:
            sentence = f"Docker answers but does not start {image}: {refusal}"
            raise ServersUnavailable(sentence) from refusal
