"""How long nobody succeeded, by the fault that it was for."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.records import History


@dataclass(frozen=True, slots=True)
class Silence:
    """The longest times without a good answer after faults of one kind, in seconds."""

    times: int
    commands: float
    queries: float


def silences(history: History) -> Mapping[str, Silence]:
    """Return them by kind of fault. Each fault lasts until the next one, or until the last query."""
    commands = {sent.key for sent in history.sent if sent.command}
    good = [(answer.at, answer.key in commands) for answer in history.answers if answer.body["ok"]]
    times = {kind: sorted(at for at, is_command in good if is_command is kind) for kind in (True, False)}
    end = max((sent.at for sent in history.sent if sent.command is None), default=0.0)
    longest = defaultdict[str, list[tuple[float, float]]](list)
    for (began, name), (over, _) in pairwise([*history.faults, (end, "")]):
        longest[name].append((_longest(times[True], began, over), _longest(times[False], began, over)))
    return {
        name: Silence(len(found), max(each for each, _ in found), max(each for _, each in found))
        for name, found in sorted(longest.items())
    }


def _longest(times: list[float], began: float, over: float) -> float:
    """Return the longest pause between *times* that touches the time from *began* to *over*."""
    near = [each for each in times if began <= each <= over]
    return max((after - before for before, after in pairwise([began, *near, over])), default=0.0)
