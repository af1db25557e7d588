"""Whether times tell who has an account: what the measurements of `make timing` have in common.

What is compared is asked for one at a time, in rounds of one of each cohort in random order, so that other
load on the machine meets all of them alike.
"""

import sys
from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import median, quantiles
from typing import Final

from rich.console import Console
from rich.table import Table

_TRIES: Final = 400
# No further from chance than this, however few the tries; nor than chance itself comes once in 10,000 times.
_FARTHEST_AUC: Final = 0.1
_STANDARD_ERRORS: Final = 3.9


def tries() -> int:
    """Return how often each cohort is asked for: the argument of the program, if it has one."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else _TRIES


def auc(times: Sequence[float], others: Sequence[float]) -> float:
    """Return how often one of *times* is longer than one of *others*; 0.5 is chance.

    The area under the curve of a classifier that sees the time only: U of Mann and Whitney, as a part of all.
    """
    wins = sum((one > other) + (one == other) / 2 for one in times for other in others)
    return wins / (len(times) * len(others))


def widest(times: Mapping[str, Sequence[float]]) -> float:
    """Return the worst difference between two medians, as a part of the smaller one."""
    medians = [median(each) for each in times.values()]
    return max(medians) / min(medians) - 1


def farthest(tries: int) -> float:
    """Return how far from 0.5 an AUC of so many times and as many others may be.

    The standard error is that of U, of Mann and Whitney, if both are of one distribution.
    """
    error = sqrt((2 * tries + 1) / (12 * tries**2))
    return min(_FARTHEST_AUC, _STANDARD_ERRORS * error)


def are_alike(
    console: Console, title: str, times: Mapping[str, Sequence[float]], most: float | None = None
) -> bool:
    """Print the times of each cohort, in milliseconds; return whether they tell no more than chance.

    Each is compared with the first one. Medians may differ by *most*, a part of the smaller one, if it is
    given: of what takes a few milliseconds, they say more about the machine.
    """
    first = next(iter(times))
    aucs = {cohort: auc(each, times[first]) for cohort, each in times.items()}
    table = Table("cohort", "tries", "p5 ms", "p25", "median", "p75", "p95", f"AUC to {first}", title=title)
    for cohort, each in times.items():
        p5, p25, p50, p75, p95 = (quantiles(each, n=20)[at - 1] for at in (1, 5, 10, 15, 19))
        row = (f"{value:.2f}" for value in (p5, p25, p50, p75, p95))
        table.add_row(cohort, str(len(each)), *row, f"{aucs[cohort]:.3f}")
    difference, bound = widest(times), farthest(len(times[first]))
    alike = all(abs(each - 0.5) <= bound for each in aucs.values()) and (most is None or difference <= most)
    console.print(
        table,
        f"worst difference of medians: {difference:.1%}{f' (bound {most:.0%})' if most else ''}",
        f"AUC within {0.5 - bound:.3f} to {0.5 + bound:.3f}: {'alike' if alike else 'NOT ALIKE'}",
        sep="\n",
    )
    return alike
