"""What processes have used, from `/proc`: Linux only."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """Processes with all of their descendants, however many there are by now."""

    roots: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """Return how much CPU they have used in user mode and in the kernel, those that ended included."""
        return sum(_cpu_ticks(each) for each in self._members()) / _TICKS

    def peak_rss_mb(self) -> float:
        """Return how much memory they had at most, each at its own peak, in MiB."""
        return sum(_kib(each, "VmHWM") for each in self._members()) / 1024

    def rss_mb(self) -> float:
        """Return how much memory they have now, in MiB."""
        return sum(_kib(each, "VmRSS") for each in self._members()) / 1024

    def _members(self) -> list[int]:
        children = _children()
        members, waiting = [], list(self.roots)
        while waiting:
            members.append(each := waiting.pop())
            waiting += children[each]
        return members


def descendants(command: str) -> ProcessTree | None:
    """Return the descendants of ours that run *command*, if there are any: servers that we started."""
    children = _children()
    waiting, found = [os.getpid()], []
    while waiting:
        each = waiting.pop()
        if _name(each) == command:
            found.append(each)  # with all that it has started itself
        else:
            waiting += children[each]
    return ProcessTree(tuple(found)) if found else None


def _children() -> defaultdict[int, list[int]]:
    children = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    return children


def _stat(pid: int) -> list[str]:
    """Return the fields from the third on, for the second, a name, may hold blanks; none if it has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _name(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _cpu_ticks(pid: int) -> int:
    # utime, stime, and those of children that were waited for.
    return sum(map(int, _stat(pid)[11:15]))


def _kib(pid: int, field: str) -> int:
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{field}:")), 0)
