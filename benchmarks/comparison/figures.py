"""What was measured of one operation of one system, and the median of several rounds of it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Figures:
    """One slot of a few seconds, or the medians of many.

    Attributes:
        cpu_us: CPU of the system's processes, user and kernel, per request, in microseconds; None
            if they did something else, too.
        rps: Requests answered per second.
        p50_ms: Milliseconds from a request to its reply, at the median.
        rss_mb: Memory of the system's processes at their peak so far, in MiB.
        broker_cpu_us: The same of RabbitMQ; None if it is no process of ours.
        mongodb_cpu_us: The same of MongoDB.
        redis_cpu_us: The same of Redis.
        load_cpu_us: The same of the load generator; None for systems that are their own load.
        requests: How many requests it was.

    """

    cpu_us: float | None
    rps: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    broker_cpu_us: float | None
    mongodb_cpu_us: float | None
    redis_cpu_us: float | None
    load_cpu_us: float | None
    requests: int

    @classmethod
    def medians(cls, rounds: Sequence[Self]) -> Self:
        """Return the median of each figure; of the requests, the sum."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            known = [value for each in rounds if (value := getattr(each, field.name)) is not None]
            values[field.name] = round(median(known), 3) if known else None
        return cls(**{**values, "requests": sum(each.requests for each in rounds)})
