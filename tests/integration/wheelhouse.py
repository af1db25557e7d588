"""Wheels made of what is installed here, so that tests install without a network."""

import hashlib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def repack(name: str, folder: Path) -> Path:
    """Write a wheel into *folder* that installs the distribution *name* as it is installed here."""
    installed = distribution(name)
    tag = next(line for line in (installed.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: "))
    stem = f"{canonicalize_name(name).replace('-', '_')}-{installed.version}"
    path = folder / f"{stem}-{tag.removeprefix('Tag: ')}.whl"
    with ZipFile(path, "w", ZIP_STORED) as wheel:
        for source, target in _members(installed, stem):
            wheel.write(source, target)
        wheel.writestr(f"{stem}.dist-info/RECORD", "".join(f"{each},,\n" for each in wheel.namelist()))
    return path


def _members(installed: Distribution, stem: str) -> list[tuple[Path, str]]:
    """Return what goes into a wheel: where it is, and its name there."""
    members = []
    for file in installed.files or []:
        source = Path(str(file.locate()))
        if file.parts[0] == "..":
            # What was put into bin/ comes from the folder of scripts; a start script is made at the install.
            if not source.read_bytes().startswith(b"#!"):
                members.append((source, f"{stem}.data/scripts/{source.name}"))
        elif file.parts[0].endswith(".dist-info"):
            # The name of this folder is not normalised everywhere.
            if file.name not in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}:
                members.append((source, "/".join([f"{stem}.dist-info", *file.parts[1:]])))
        elif source.suffix != ".pyc":
            members.append((source, file.as_posix()))
    return members


def repack_all(names: set[str], folder: Path) -> set[str]:
    """Repack *names* and whatever they need here. Return the names of all of them."""
    done: set[str] = set()
    waiting: set[tuple[str, str]] = {(canonicalize_name(name), "") for name in names}
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        if name not in done:
            repack(name, folder)
            done.add(name)
        needed = {pair for line in distribution(name).requires or [] for pair in _needed(line, extra)}
        waiting |= needed - seen
        seen |= needed
    return done


def _needed(line: str, extra: str) -> set[tuple[str, str]]:
    requirement = Requirement(line)
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return set()
    name = canonicalize_name(requirement.name)
    return {(name, each) for each in ("", *requirement.extras)}


def locked(*wheels: Path) -> str:
    """Return a lock of *wheels*."""
    lines = []
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{digest}\n")
    return "".join(lines)
