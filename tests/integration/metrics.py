"""What workers tell Prometheus, as a scrape sees it."""

import asyncio
import random
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tools.servers.processes import is_free

SECONDS = 10
# Below the range that Linux takes ports of connections from (ip(7), ip_local_port_range).
_NOT_EPHEMERAL = (20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Scrape:
    """All samples of some workers, added up."""

    families: tuple[Metric, ...]

    @property
    def names(self) -> set[str]:
        """The names under which Prometheus has them."""
        declared = {f"{each.name}_total" if each.type == "counter" else each.name for each in self.families}
        return declared | {sample.name for each in self.families for sample in each.samples}

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples with at least these *labels*."""
        samples = (sample for each in self.families for sample in each.samples if sample.name == name)
        return sum(each.value for each in samples if labels.items() <= each.labels.items())

    def by(self, name: str, label: str) -> Counter[str]:
        """Return the samples that are not 0, added up by *label*."""
        found: Counter[str] = Counter()
        for sample in (sample for each in self.families for sample in each.samples if sample.name == name):
            found[sample.labels[label]] += int(sample.value)
        return +found


def adjacent_ports(count: int) -> range:
    """Return so many ports, one after the other, that nobody listens on and no connection goes out from."""
    while True:
        first = random.randrange(*_NOT_EPHEMERAL)  # noqa: S311 - a port is no secret
        if all(map(is_free, found := range(first, first + count))):
            return found


def read(port: int, path: str = "/metrics") -> tuple[str, str]:
    """Return the media type and the text of what a worker answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as response:
        return response.headers["Content-Type"], response.read().decode()


async def scraped(ports: Iterable[int]) -> Scrape:
    """Scrape the workers on these *ports*."""
    texts = await asyncio.gather(*(asyncio.to_thread(read, port) for port in ports))
    return Scrape(tuple(each for _, text in texts for each in text_string_to_metric_families(text)))
