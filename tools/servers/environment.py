"""Servers that a developer names in the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from tools.servers.addresses import Address, Source
from tools.servers.errors import ServersUnavailable

# Names of their own: RABBITMQ_URL and its like are the service's, and may well be production's.
RABBITMQ = ("DEV_RABBITMQ_URL", "DEV_RABBITMQ_MANAGEMENT_URL")
MONGODB = "DEV_MONGO_URL"
REDIS = "DEV_REDIS_URL"
# `docker` or `local`: where the others come from, and from nowhere else.
SOURCE = "DEV_SERVERS"


@dataclass(frozen=True, slots=True)
class Given:
    """The servers that the environment names; none of them is started or stopped by us."""

    rabbitmq: Address | None
    mongodb: Address | None
    redis: Address | None

    @property
    def missing(self) -> list[str]:
        """Name the programs of the others."""
        programs = {"rabbitmq-server": self.rabbitmq, "mongod": self.mongodb, "redis-server": self.redis}
        return [program for program, address in programs.items() if address is None]


@dataclass(frozen=True, slots=True)
class GivenFirst:
    """Gives what the environment names, and takes the rest from another source."""

    given: Given
    otherwise: Source

    def rabbitmq(self) -> Address:
        """Give a broker with its management API."""
        return self.given.rabbitmq or self.otherwise.rabbitmq()

    def mongodb(self) -> Address:
        """Give a replica set."""
        return self.given.mongodb or self.otherwise.mongodb()

    def redis(self) -> Address:
        """Give a Redis."""
        return self.given.redis or self.otherwise.redis()


def given_servers(environment: Mapping[str, str]) -> Given:
    """Read the `DEV_*_URL` variables; empty ones count as missing."""
    urls = [url for url in map(environment.get, RABBITMQ) if url]
    if len(urls) == 1:
        raise ServersUnavailable(f"Set both {RABBITMQ[0]} and {RABBITMQ[1]}, or neither.")
    mongo_url, redis_url = environment.get(MONGODB), environment.get(REDIS)
    return Given(
        rabbitmq=Address(f"RabbitMQ of {RABBITMQ[0]}", *urls) if urls else None,
        mongodb=Address(f"MongoDB of {MONGODB}", mongo_url) if mongo_url else None,
        redis=Address(f"Redis of {REDIS}", redis_url) if redis_url else None,
    )
