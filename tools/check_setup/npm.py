"""Lets an npm install the parser's lock in a folder of its own, and compares."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from asyncapi.node import FOLDER, Node, clean_install, find_node, node_of_the_wheel, run

LOCK: Final = FOLDER / "package-lock.json"
_SECONDS: Final = 60


class NpmFailed(Exception):
    """An npm did not do what the lock says."""


def npms() -> Iterator[tuple[str, Node]]:
    """Give each npm there is, with its name: the machine's, and the one that our own lock brings."""
    for node in dict.fromkeys((find_node(), node_of_the_wheel())):
        version = run((*node.npm, "--version"), FOLDER, _SECONDS).stdout.strip()
        yield f"npm {version}", node


def check(node: Node, folder: Path) -> None:
    """Install into *folder*.

    Raises:
        NpmFailed: What is there then is not what the lock says.

    """
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder)
    done = clean_install(node, folder)
    if done.returncode != 0:
        raise NpmFailed(done.stdout)
    installed = packages_of(folder / "node_modules" / ".package-lock.json")
    wanted = packages_of(LOCK)
    if installed != wanted or (folder / LOCK.name).read_bytes() != LOCK.read_bytes():
        differing = sorted(set(installed.items()) ^ set(wanted.items()))
        msg = f"The lock says something else than what npm installs: {differing}"
        raise NpmFailed(msg)


def packages_of(lock: Path) -> dict[str, str]:
    """Return the hashes in *lock*, by the folder of the package."""
    packages: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {path: package["integrity"] for path, package in packages.items() if path}
