"""The targets: what the service may cost beside the others, in the same run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.comparison.figures import Figures
from benchmarks.comparison.results import Check, Systems
from benchmarks.comparison.scenarios import (
    BCRYPT,
    BESIDE,
    CLIENT,
    ECHO,
    FASTAPI,
    FASTSTREAM,
    FASTSTREAM_CLIENT,
    HAND_WRITTEN,
    OURS,
)

Key = tuple[str, str]
Figure = Callable[[Figures], float]


def _cpu(figures: Figures) -> float:
    assert figures.cpu_us is not None  # noqa: S101 - only that of flooded systems is unknown
    return figures.cpu_us


def _rps(figures: Figures) -> float:
    return figures.rps


def _p50(figures: Figures) -> float:
    return figures.p50_ms


def _p99(figures: Figures) -> float:
    return figures.p99_ms


@dataclass(frozen=True, slots=True)
class _Ratio:
    """One operation of ours over one of somebody else, in one figure, and the limit of that.

    Attributes:
        at_most: Whether it must not be above the limit; else it must not be below.

    """

    name: str
    ours: Key
    other: Key
    limit: float
    figure: Figure = _cpu
    at_most: bool = True

    def check(self, systems: Systems) -> Check | None:
        """Return whether it is kept; None if one of the two was not measured."""
        ours = systems.get(self.ours[0], {}).get(self.ours[1])
        other = systems.get(self.other[0], {}).get(self.other[1])
        if ours is None or other is None:
            return None
        value = round(self.figure(ours) / self.figure(other), 3)
        return limited(self.name, value, self.limit, at_most=self.at_most)


_GET: Final = (OURS, "profile.get")
_AS_USER: Final = (OURS, "profile.get with a token")
_ALONE: Final = (OURS, "profile.get one at a time")
_FLOODED: Final = (OURS, f"profile.get one at a time {BESIDE}")
_LOOP: Final = (OURS, f"auth.keys one at a time {BESIDE}")
_LOGIN: Final = (OURS, "auth.login")
_LAG_MS: Final = 25.0
_THEIR_GET: Final = (HAND_WRITTEN, "profile.get")
_THEIR_UPDATE: Final = (HAND_WRITTEN, "profile.update")
_THEIR_ALONE: Final = (HAND_WRITTEN, "profile.get one at a time")
_CALLS: Final = "auth.keys, 2,000 in flight"
_RATIOS: Final = (
    _Ratio("CPU of profile.get, of hand-written", _GET, _THEIR_GET, 0.85),
    _Ratio("CPU of profile.get, of FastStream + Motor", _GET, (FASTSTREAM, "profile.get"), 0.55),
    _Ratio("CPU of profile.get with a token, of hand-written", _AS_USER, _THEIR_GET, 1.05),
    _Ratio("CPU of profile.get with a token, of FastAPI", _AS_USER, (FASTAPI, "profile.get"), 1.0),
    _Ratio("CPU of post.get, of hand-written", (OURS, "post.get"), _THEIR_GET, 0.85),
    _Ratio("CPU of auth.verify, of a bare echo", (OURS, "auth.verify"), (ECHO, "echo"), 1.2),
    _Ratio("CPU of profile.update, of hand-written", (OURS, "profile.update"), _THEIR_UPDATE, 1.7),
    _Ratio("rate of auth.login, of bcrypt", _LOGIN, (BCRYPT, "checkpw"), 0.95, _rps, at_most=False),
    _Ratio("p99 of profile.get beside 20 logins, of alone", _FLOODED, _ALONE, 2.0, _p99),
    _Ratio("p50 of profile.get one at a time, of hand-written", _ALONE, _THEIR_ALONE, 1.15, _p50),
    _Ratio(
        "rate of 2,000 calls of our client, of broker.request",
        (CLIENT, _CALLS),
        (FASTSTREAM_CLIENT, _CALLS),
        3.0,
        _rps,
        at_most=False,
    ),
)


def limited(name: str, value: float, limit: float, *, at_most: bool = True) -> Check:
    """Return whether *value* is within *limit*."""
    side = "at most" if at_most else "at least"
    return Check(name, f"{side} {limit:g}", value, value <= limit if at_most else value >= limit)


def ratio_checks(systems: Systems) -> Sequence[Check]:
    """Return a check for each target whose two sides were measured."""
    return list(_known(systems))


def _known(systems: Systems) -> Iterator[Check]:
    for each in _RATIOS:
        if check := each.check(systems):
            yield check
    if loop := systems.get(_LOOP[0], {}).get(_LOOP[1]):
        # A reply waits at least as long as the event loop does, and for the broker.
        yield limited(
            f"p99 of auth.keys one at a time {BESIDE}, in ms, which event-loop lag is part of",
            loop.p99_ms,
            _LAG_MS,
        )
