"""A Prometheus of our own, with what `deploy/prometheus` tells it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.observability import RULES, SCRAPES
from tools.servers.binaries import find_or_install
from tools.servers.processes import Processes, free_port

_SECONDS: Final = 60.0
# A test does not wait for 15 seconds to see a sample.
_INTERVALS: Final = {"scrape_interval": "1s", "evaluation_interval": "1s"}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that is running, at this address."""

    url: str

    def query(self, expression: str) -> list[Any]:
        """Return the samples that *expression* has now."""
        samples: list[Any] = self.get("query", query=expression)["result"]
        return samples

    def get(self, what: str, **parameters: str) -> Any:
        """Return what the API answers.

        Raises:
            HTTPError: It is no query of Prometheus, for example.

        """
        url = f"{self.url}/api/v1/{what}?{urlencode(parameters)}"
        with urlopen(url, timeout=_SECONDS) as reply:  # noqa: S310 - http, ours
            return json.load(reply)["data"]


@contextmanager
def prometheus(processes: Processes, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Start one, which asks these *targets* in place of those in the configuration."""
    program = find_or_install(["prometheus"], print)["prometheus"]
    folder, port = processes.new_folder("prometheus"), free_port()
    settings = yaml.safe_load(SCRAPES.read_text())
    settings["global"] |= _INTERVALS
    settings["rule_files"] = [str(RULES)]
    for job in settings["scrape_configs"]:
        for group in job["static_configs"]:
            group["targets"] = [targets[each] for each in group["targets"]]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    options = {"config.file": "prometheus.yml", "storage.tsdb.path": "data"}
    files = [f"--{option}={folder / name}" for option, name in options.items()]
    child = processes.start("prometheus", [program, *files, f"--web.listen-address=127.0.0.1:{port}"], folder)
    child.wait_until(lambda: _is_ready(port), within=_SECONDS)
    yield Prometheus(f"http://127.0.0.1:{port}")


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=_SECONDS):
            return True
    except (OSError, HTTPException):
        return False
