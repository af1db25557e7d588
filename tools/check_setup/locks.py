"""What a lock says."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements_of(lock: Path) -> list[Requirement]:
    """Return the requirements in *lock*, whatever machine they are for."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix("\\").strip()) for line in lines if line[:1].isalnum()]


def versions_here(lock: Path) -> dict[str, str]:
    """Return the versions that *lock* names for this Python and this machine, by name."""
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements_of(lock)
        if each.marker is None or each.marker.evaluate()
    }
