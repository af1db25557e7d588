"""docs/capacity.md, reckoned from benchmarks/results.json: `python -m benchmarks.capacity`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.comparison.page import RESULTS
from benchmarks.comparison.results import Results
from benchmarks.comparison.scenarios import OURS

PAGE: Final = Path(__file__).parents[1] / "docs" / "capacity.md"
_TEMPLATE: Final = Path(__file__).with_name("capacity.template")

# Of a core, how much is used at the peak: what is above that waits.
UTILISATION: Final = 0.6
# Of a day's requests, how many come in its busiest second, beside the mean.
PEAK: Final = 3.0
# Of all users, those who are there on a day.
ACTIVE: Final = 0.2
# Nodes of RabbitMQ, and members of the replica set: each of them writes what is written.
COPIES: Final = 3
# A quorum queue costs about twice what a classic one does for a query (docs/adr/0002).
QUORUM_QUERY: Final = 2.0
# In bytes: a profile and its share of sessions, posts and indexes.
STORED: Final = 6_000
SECONDS_A_DAY: Final = 86_400
USERS: Final = (100_000, 1_000_000, 10_000_000, 100_000_000)
# What a core of one broker, and one primary, may be given; beyond that they have to be divided.
LARGEST: Final = 32

# Commands a second through one quorum queue of one node: `python -m benchmarks.one_queue`.
QUEUE: Final = 17_000

KEYCLOAK_LOGINS, KEYCLOAK_REFRESHES = 15, 120
ZITADEL_GRANTS, ZITADEL_CORES = 1_806, 7 * 6


@dataclass(frozen=True, slots=True)
class Load:
    """What a user who is there asks for on a day.

    Attributes:
        scenario: The measurement that stands for it.
        is_query: Whether it changes nothing.

    """

    what: str
    scenario: str
    times: float
    is_query: bool


DAY: Final = (
    Load("`auth.login`", "auth.login", 0.2, is_query=False),
    Load("`auth.refresh`, as `profile.update`: one write", "profile.update", 20, is_query=False),
    Load("`auth.verify`", "auth.verify", 50, is_query=True),
    Load("`profile.get` with a token", "profile.get with a token", 30, is_query=True),
    Load("`profile.update`, `post.create` and their like", "profile.update", 2, is_query=False),
    Load("`post.get`, `post.list`", "post.get", 50, is_query=True),
)


@dataclass(frozen=True, slots=True)
class Cores:
    """How many cores the busiest second takes; of RabbitMQ and MongoDB, those of one node that has all."""

    requests: float
    workers: float
    broker: float
    primary: float


def cores(users: int, costs: Mapping[str, Mapping[str, float]]) -> Cores:
    """Return what so many *users* take, with *costs* in microseconds by scenario and by process."""
    requests = workers = broker = primary = 0.0
    for load in DAY:
        rate = users * ACTIVE * load.times * PEAK / SECONDS_A_DAY
        cost = costs[load.scenario]
        requests += rate
        workers += rate * cost["cpu_us"]
        broker += rate * cost["broker_cpu_us"] * (QUORUM_QUERY if load.is_query else 1.0)
        primary += rate * cost["mongodb_cpu_us"]
    used = 1e6 * UTILISATION
    return Cores(requests, workers / used, broker / used, primary / used)


def costs_of(results: Results) -> Mapping[str, Mapping[str, float]]:
    """Return what was measured of the service."""
    measured = results.systems[OURS]
    return {
        name: {each: float(getattr(figures, each) or 0.0) for each in _PARTS}
        for name, figures in measured.items()
    }


_PARTS: Final = ("cpu_us", "broker_cpu_us", "mongodb_cpu_us")


def markdown(results: Results) -> str:
    """Return the page."""
    costs = costs_of(results)
    million = cores(1_000_000, costs)
    login = 1e6 / costs["auth.login"]["cpu_us"]
    update = costs["profile.update"]
    refresh = 1e6 / update["cpu_us"]
    most_frequent = max(load.times for load in DAY if not load.is_query)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        utilisation=f"{UTILISATION:.0%}",
        peak=f"{PEAK:g}",
        active=f"{ACTIVE:.0%}",
        copies=COPIES,
        stored=f"{STORED / 1000:g}",
        each="\n".join(_each(costs)),
        day="\n".join(f"| {load.what} | {load.times:g} |" for load in DAY),
        sizes="\n".join(_sizes(costs)),
        login=f"{login:.1f}",
        login_10=f"{login * 4:.0f}",
        refresh=f"{refresh:.0f}",
        keycloak_logins=KEYCLOAK_LOGINS,
        keycloak_refreshes=KEYCLOAK_REFRESHES,
        zitadel=f"{ZITADEL_GRANTS:,}",
        zitadel_each=f"{ZITADEL_GRANTS / ZITADEL_CORES:.0f}",
        queue=f"{QUEUE:,}",
        queue_workers=math.ceil(QUEUE * update["cpu_us"] / 1e6 / UTILISATION),
        queue_primary=math.ceil(QUEUE * update["mongodb_cpu_us"] / 1e6 / UTILISATION),
        queue_users=_round(QUEUE * SECONDS_A_DAY / (ACTIVE * PEAK * most_frequent) / 1e6),
        largest=LARGEST,
        broker_users=f"{_round(LARGEST / million.broker):,}",
        primary_users=f"{_round(LARGEST / million.primary):,}",
    )


def _each(costs: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield how many requests a second a core carries, of workers, of a broker and of a primary."""
    for name in dict.fromkeys(load.scenario for load in DAY):
        rates = [f"{_round(1e6 * UTILISATION / costs[name][part]):,}" for part in _PARTS]
        yield f"| {name} | {' | '.join(rates)} |"


def _sizes(costs: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for users in USERS:
        need = cores(users, costs)
        parts = [f"{math.ceil(each):,}" for each in (need.workers, need.broker, need.primary)]
        row = (f"{users:,}", f"{_round(need.requests):,}", *parts, f"{_round(users * STORED / 1e9):,}")
        yield f"| {' | '.join(row)} |"


def _round(number: float) -> int:
    """Round to two digits: more would say what nobody knows."""
    digits = max(0, math.floor(math.log10(max(number, 1)))) - 1
    return int(round(number, -digits)) if digits > 0 else math.ceil(number)


if __name__ == "__main__":
    PAGE.write_text(markdown(Results.read(RESULTS)), encoding="utf-8")
