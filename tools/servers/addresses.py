"""Where servers are, and how that is told."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server is; its text shows no credentials."""

    name: str
    url: str
    management_url: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        console = f", console {_without_credentials(self.management_url)}" if self.management_url else ""
        return f"{self.name} on {urlsplit(self.url).netloc.rpartition('@')[2]}{console}"


class Source(Protocol):
    """Where servers come from. Each method may take a while, and may be called in a thread of its own."""

    def rabbitmq(self) -> Address:
        """Give a broker with its management API."""

    def mongodb(self) -> Address:
        """Give a replica set."""

    def redis(self) -> Address:
        """Give a Redis."""


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
