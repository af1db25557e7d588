"""The targets: what the service may cost beside the others, in the same run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.comparison.figures import Figures
from benchmarks.comparison.results import Check, Systems
from benchmarks.comparison.scenarios import (
    BCRYPT,
    ECHO,
    FASTAPI,
    FASTSTREAM,
    HAND_WRITTEN,
    OURS,
)

Key = tuple[str, str]
Figure = Callable[[Figures], float]


def _cpu(figures: Figures) -> float:
    return figures.cpu_us


def _rps(figures: Figures) -> float:
    return figures.rps


def _p50(figures: Figures) -> float:
    return figures.p50_ms


@dataclass(frozen=True, slots=True)
class _Ratio:
    """One operation of ours over one of somebody else, in one figure, and the limit of that.

    Attributes:
        at_most: Whether it must not be above the limit; else it must not be below.

    """

    name: str
    ours: str
    other: Key
    limit: float
    figure: Figure = _cpu
    at_most: bool = True

    def check(self, systems: Systems) -> Check | None:
        """Return whether it is kept; None if one of the two was not measured."""
        ours = systems.get(OURS, {}).get(self.ours)
        other = systems.get(self.other[0], {}).get(self.other[1])
        if ours is None or other is None:
            return None
        value = round(self.figure(ours) / self.figure(other), 3)
        return limited(self.name, value, self.limit, at_most=self.at_most)


_GET: Final = "profile.get"
_AS_USER: Final = "profile.get with a token"
_ALONE: Final = "profile.get one at a time"
_UPDATE: Final = "profile.update"
_RATIOS: Final = (
    _Ratio("CPU of profile.get, of hand-written", _GET, (HAND_WRITTEN, _GET), 0.85),
    _Ratio("CPU of profile.get, of FastStream + Motor", _GET, (FASTSTREAM, _GET), 0.55),
    _Ratio("CPU of profile.get with a token, of hand-written", _AS_USER, (HAND_WRITTEN, _GET), 1.05),
    _Ratio("CPU of profile.get with a token, of FastAPI", _AS_USER, (FASTAPI, _GET), 1.0),
    _Ratio("CPU of post.get, of hand-written", "post.get", (HAND_WRITTEN, _GET), 0.85),
    _Ratio("CPU of auth.verify, of a bare echo", "auth.verify", (ECHO, "echo"), 1.2),
    _Ratio("CPU of profile.update, of hand-written", _UPDATE, (HAND_WRITTEN, _UPDATE), 1.7),
    _Ratio(
        "rate of auth.login, of bare bcrypt", "auth.login", (BCRYPT, "checkpw"), 0.95, _rps, at_most=False
    ),
    _Ratio("p50 of profile.get one at a time, of hand-written", _ALONE, (HAND_WRITTEN, _ALONE), 1.15, _p50),
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
