"""Each `package-lock.json` leaves nothing for npm to decide, and names no registry."""

import json
from pathlib import Path
from typing import Any

import pytest

from asyncapi.node import FOLDER, clean_install, node_of_the_wheel
from tests.documents import ROOT

LOCKS = [
    FOLDER / "package-lock.json",
    FOLDER / "modelina" / "package-lock.json",
    ROOT / "contracts" / "typescript" / "package-lock.json",
    ROOT / "examples" / "gateway-express" / "package-lock.json",
]


def read(lock: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8"))
    return found


LOCK = read(LOCKS[0])


def is_from_registry(path: str, package: dict[str, Any]) -> bool:
    """Return whether *package* is neither in this repository nor a link to what is."""
    return path.startswith("node_modules/") and "link" not in package


@pytest.mark.parametrize("lock", LOCKS, ids=lambda each: each.parent.name)
def test_every_package_has_one_version_and_a_hash(lock: Path) -> None:
    """Where a file comes from is left to the user's registry; which file it must be is not."""
    packages = {path: each for path, each in read(lock)["packages"].items() if is_from_registry(path, each)}

    assert packages
    assert [path for path, each in packages.items() if not each["version"][0].isdigit()] == []
    assert [path for path, each in packages.items() if not each["integrity"].startswith("sha512-")] == []
    assert [path for path, each in packages.items() if "resolved" in each] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda each: each.parent.name)
def test_it_is_of_the_version_that_every_npm_from_7_on_reads(lock: Path) -> None:
    assert read(lock)["lockfileVersion"] == 3


@pytest.mark.parametrize("lock", LOCKS[:2], ids=lambda each: each.parent.name)
def test_what_is_asked_for_is_one_version(lock: Path) -> None:
    asked = json.loads(lock.with_name("package.json").read_text(encoding="utf-8"))

    assert read(lock)["packages"][""]["devDependencies"] == asked["devDependencies"]
    assert all(version[0].isdigit() for version in asked["devDependencies"].values())


def test_npm_refuses_a_lock_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`npm ci`, whatever the user has set: `npm install` would resolve anew."""
    monkeypatch.setenv("npm_config_package_lock", "false")
    monkeypatch.setenv("NODE_ENV", "production")
    asked = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    asked["devDependencies"]["@asyncapi/parser"] = "3.6.2"
    (tmp_path / "package.json").write_text(json.dumps(asked))
    (tmp_path / "package-lock.json").write_text(json.dumps(LOCK))
    done = clean_install(node_of_the_wheel(), tmp_path)

    assert done.returncode != 0
    assert "EUSAGE" in done.stdout
    assert not (tmp_path / "node_modules").exists()
